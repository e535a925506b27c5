"""Each account's own posts and reposts, and everybody's as the public timeline.

Also counts an account's tweets. Reposts are one register for each (account, post): the
highest version says whether there is one and which item it is.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from domain.events import (
    AccountClosed,
    Recorded,
    ReplyDeleted,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetDeleted,
    TweetPosted,
)
from domain.ids import AccountId, ItemId, PostId
from projections.items import Item
from projections.projection import Projection, Store
from projections.windows import Window

PostKind = Literal["tweet", "reply"]


class AddPost(NamedTuple):
    """A post stands in its author's timeline, for ever unless it is dropped."""

    author_id: AccountId
    post_id: PostId
    is_reply: bool


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post. Drops its reposts too."""

    author_id: AccountId
    post_id: PostId
    is_reply: bool


class SetRepost(NamedTuple):
    """Whether an account reposts a post; `item_id` is the repost's own id."""

    account_id: AccountId
    post_id: PostId
    post_author_id: AccountId
    item_id: ItemId
    on: bool
    version: int


class DropAuthor(NamedTuple):
    """The account is closed: absorbing. Its items, and reposts of its posts, are gone."""

    account_id: AccountId


Operation = AddPost | DropPost | SetRepost | DropAuthor


class AuthorTimelines(Store[Operation], Protocol):
    """Where author timelines are kept."""

    async def page(
        self, author_id: AccountId, kind: PostKind | None, window: Window, limit: int
    ) -> Sequence[Item]:
        """An account's items, newest first. Kind "tweet" includes reposts; None means all."""

    async def public_page(self, window: Window, limit: int) -> Sequence[Item]:
        """Everybody's tweets (no replies, no reposts), newest first."""

    async def tweet_counts(self, author_ids: Sequence[AccountId]) -> Mapping[AccountId, int]:
        """Tweets (no replies, no reposts) of each author that has any."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    operations: list[Operation] = []
    for event, version, _, _ in batch:
        match event:
            case TweetPosted():
                operations.append(AddPost(event.actor_id, event.post_id, is_reply=False))
            case ReplyPosted():
                operations.append(AddPost(event.actor_id, event.post_id, is_reply=True))
            case TweetDeleted() | ReplyDeleted():
                is_reply = isinstance(event, ReplyDeleted)
                operations.append(DropPost(event.actor_id, event.post_id, is_reply))
            case RepostAdded() | RepostRemoved():
                operations.append(
                    SetRepost(
                        event.actor_id,
                        event.post_id,
                        event.post_author_id,
                        ItemId(event.event_id),
                        isinstance(event, RepostAdded),
                        version,
                    )
                )
            case AccountClosed():
                operations.append(DropAuthor(event.actor_id))
            case _:
                pass
    return operations


AUTHOR_TIMELINES: Final = Projection(
    name="author_timelines",
    version=1,
    events=frozenset(
        {
            TweetPosted,
            ReplyPosted,
            TweetDeleted,
            ReplyDeleted,
            RepostAdded,
            RepostRemoved,
            AccountClosed,
        }
    ),
    project=project,
)
