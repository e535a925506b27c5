"""What a timeline is made of."""

from operator import itemgetter
from typing import Final, NamedTuple

from domain.ids import AccountId, ItemId, PostId


class Item(NamedTuple):
    """A place in a timeline. `reposted_by_id` is None for the author's own post."""

    item_id: ItemId
    post_id: PostId
    author_id: AccountId
    reposted_by_id: AccountId | None


# Of an item, to be mapped over many.
post_of: Final = itemgetter(Item._fields.index("post_id"))
reposter_of: Final = itemgetter(Item._fields.index("reposted_by_id"))
