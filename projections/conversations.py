"""Who replied to what: the way from a conversation's root down to a post, and its direct replies.

A deleted post keeps its place, because what was said below it is still there: its deletion
carries the same link to its parent, so that it does not matter which of the two comes first.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from domain.events import (
    AccountClosed,
    Recorded,
    ReplyDeleted,
    ReplyPosted,
    TweetDeleted,
    TweetPosted,
)
from domain.ids import AccountId, PostId
from projections.projection import Projection, Store


class AddPost(NamedTuple):
    """A post stands below its parent, or is a root (a tweet)."""

    post_id: PostId
    author_id: AccountId
    parent_id: PostId | None


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post. Its place remains."""

    post_id: PostId
    author_id: AccountId
    parent_id: PostId | None


class DropAccount(NamedTuple):
    """The account is closed: absorbing. Its posts stand there as deleted ones."""

    account_id: AccountId


Operation = AddPost | DropPost | DropAccount


class Ancestor(NamedTuple):
    """A post on the way up; one that is deleted, or of a closed account, shows only its id."""

    post_id: PostId
    author_id: AccountId
    deleted: bool


class Reply(NamedTuple):
    """A live reply; lists are sorted and paged by `post_id`."""

    post_id: PostId
    author_id: AccountId


class Conversations(Store[Operation], Protocol):
    """Where the shape of conversations is kept."""

    async def ancestors(self, post_id: PostId, limit: int) -> Sequence[Ancestor]:
        """The nearest `limit` posts above a post, the uppermost first. Ends below a post that
        has not come yet."""

    async def replies(
        self, post_id: PostId, limit: int, *, after: PostId | None = None
    ) -> Sequence[Reply]:
        """Direct live replies above `after`, oldest first."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    operations: list[Operation] = []
    for event, _, _, _ in batch:
        match event:
            case TweetPosted():
                operations.append(AddPost(event.post_id, event.actor_id, None))
            case ReplyPosted():
                operations.append(AddPost(event.post_id, event.actor_id, event.in_reply_to_id))
            case TweetDeleted():
                operations.append(DropPost(event.post_id, event.actor_id, None))
            case ReplyDeleted():
                operations.append(DropPost(event.post_id, event.actor_id, event.in_reply_to_id))
            case AccountClosed():
                operations.append(DropAccount(event.actor_id))
            case _:
                pass
    return operations


CONVERSATIONS: Final = Projection(
    name="conversations",
    version=1,
    events=frozenset({TweetPosted, ReplyPosted, TweetDeleted, ReplyDeleted, AccountClosed}),
    project=project,
)
