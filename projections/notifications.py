"""What others did that concerns an account: mentions, replies, quotes, reposts, likes, follows.

A notification's id is that of the event that caused it. A like, a repost and a follow are
registers: the highest version says whether there is one, and its id is that version's event. A
post notifies a person once, however its text is edited: by the first version that concerns them.
An edit that takes a mention away takes no notification back. Blocks and mutes are for who reads.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountUnfollowed,
    LikeAdded,
    LikeRemoved,
    NotificationsRead,
    Recorded,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.ids import AccountId, ItemId, PostId
from projections.projection import Projection, Store
from projections.windows import Window

UNREAD_COUNTED_MAX: Final = 100
FIRST_TEXT: Final = 0  # the version of a text that was never edited; edits count from 1

TextKind = Literal["mention", "reply", "quote"]
ReactionKind = Literal["repost", "like"]
Kind = Literal["mention", "reply", "quote", "repost", "like", "follow"]
KINDS: Final[tuple[Kind, ...]] = ("mention", "reply", "quote", "repost", "like", "follow")


class NotifyOfPost(NamedTuple):
    """A version of a post's text concerns somebody; of one post's, the lowest version counts."""

    recipient_id: AccountId
    post_id: PostId
    actor_id: AccountId
    kind: TextKind
    item_id: ItemId
    text_version: int


class SetReaction(NamedTuple):
    """Whether an account likes or reposts a post of the recipient's; the highest version counts."""

    recipient_id: AccountId
    post_id: PostId
    actor_id: AccountId
    kind: ReactionKind
    item_id: ItemId
    on: bool
    version: int


class SetFollow(NamedTuple):
    """Whether an account follows the recipient; the highest version counts."""

    recipient_id: AccountId
    actor_id: AccountId
    item_id: ItemId
    on: bool
    version: int


class DropPost(NamedTuple):
    """A post is deleted: absorbing. What it caused and what was done with it is gone."""

    post_id: PostId


class DropAccount(NamedTuple):
    """The account is closed: absorbing. What it caused and what it was told is gone."""

    account_id: AccountId


class MarkRead(NamedTuple):
    """The account read everything up to and including `up_to_id`; the highest one counts."""

    account_id: AccountId
    up_to_id: ItemId


Operation = NotifyOfPost | SetReaction | SetFollow | DropPost | DropAccount | MarkRead


class Notification(NamedTuple):
    """`post_id` is the replying, quoting, mentioning, liked or reposted post; None: a follow."""

    item_id: ItemId
    kind: Kind
    actor_id: AccountId
    post_id: PostId | None
    read: bool


class Notifications(Store[Operation], Protocol):
    """Where notifications are kept."""

    async def page(
        self,
        account_id: AccountId,
        window: Window,
        limit: int,
        kinds: Collection[Kind] = KINDS,
    ) -> Sequence[Notification]:
        """What the account was told, of these kinds, newest first."""

    async def unread_count(self, account_id: AccountId) -> int:
        """How many are newer than what was read; counts no further than UNREAD_COUNTED_MAX."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    return [operation for recorded in batch for operation in _operations(recorded)]


def _operations(recorded: Recorded) -> Iterator[Operation]:
    event = recorded.event
    match event:
        case TweetPosted() | ReplyPosted() | TweetEdited() | ReplyEdited():
            yield from _text(event, recorded.version)
        case LikeAdded() | LikeRemoved() | RepostAdded() | RepostRemoved():
            if event.post_author_id != event.actor_id:
                yield _reaction(event, recorded.version)
        case AccountFollowed() | AccountUnfollowed() | AccountBlocked():
            yield from _follows(event, recorded.version)
        case TweetDeleted() | ReplyDeleted():
            yield DropPost(event.post_id)
        case AccountClosed():
            yield DropAccount(event.actor_id)
        case NotificationsRead():
            yield MarkRead(event.actor_id, event.up_to_id)
        case _:
            pass


def _text(
    event: TweetPosted | ReplyPosted | TweetEdited | ReplyEdited, version: int
) -> Iterator[NotifyOfPost]:
    """One for each person; who is replied to or quoted is not told of a mention as well."""
    told: dict[AccountId, TextKind] = {}
    if event.personal is not None:
        mentions = [m for m in event.personal.mentions if not m.silent]
        told = {m.account_id: "mention" for m in mentions if m.account_id}
    text_version = version
    if isinstance(event, TweetPosted | ReplyPosted):
        text_version = FIRST_TEXT
        if isinstance(event, ReplyPosted):
            told[event.in_reply_to_author_id] = "reply"
        elif event.quote_of_author_id is not None:
            told[event.quote_of_author_id] = "quote"
    told.pop(event.actor_id, None)
    item_id = ItemId(event.event_id)
    for recipient_id, kind in told.items():
        yield NotifyOfPost(recipient_id, event.post_id, event.actor_id, kind, item_id, text_version)


def _reaction(
    event: LikeAdded | LikeRemoved | RepostAdded | RepostRemoved, version: int
) -> SetReaction:
    kind: ReactionKind = "like" if isinstance(event, LikeAdded | LikeRemoved) else "repost"
    return SetReaction(
        event.post_author_id,
        event.post_id,
        event.actor_id,
        kind,
        ItemId(event.event_id),
        isinstance(event, LikeAdded | RepostAdded),
        version,
    )


def _follows(
    event: AccountFollowed | AccountUnfollowed | AccountBlocked, version: int
) -> Iterator[SetFollow]:
    """A block ends the follows of both directions; unblocking restores none."""
    item_id = ItemId(event.event_id)
    on = isinstance(event, AccountFollowed)
    yield SetFollow(event.target_id, event.actor_id, item_id, on, version)
    if isinstance(event, AccountBlocked):
        yield SetFollow(event.actor_id, event.target_id, item_id, on, version)


NOTIFICATIONS: Final = Projection(
    name="notifications",
    version=1,
    events=frozenset(
        {
            TweetPosted,
            ReplyPosted,
            TweetEdited,
            ReplyEdited,
            TweetDeleted,
            ReplyDeleted,
            LikeAdded,
            LikeRemoved,
            RepostAdded,
            RepostRemoved,
            AccountFollowed,
            AccountUnfollowed,
            AccountBlocked,
            AccountClosed,
            NotificationsRead,
        }
    ),
    project=project,
)
