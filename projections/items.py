"""What a timeline is made of."""

from typing import NamedTuple

from domain.ids import AccountId, ItemId, PostId


class Item(NamedTuple):
    """A place in a timeline. `reposted_by_id` is None for the author's own post."""

    item_id: ItemId
    post_id: PostId
    author_id: AccountId
    reposted_by_id: AccountId | None
