"""Each reader's home: what they and those they follow post and repost, newest first.

home(u) is defined by the set of events alone: tweets, quotes, reposts and replies to oneself, of
u and of those u follows, less what is deleted and what u has blocked, is blocked by or mutes. How
a store finds them (pushed to followers when they are posted, or pulled when they are read) shows
in its speed, never in its answers.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    Recorded,
    RelationshipFact,
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


class AddPost(NamedTuple):
    """A tweet, a quote or a reply to oneself: stands in the homes of its author's followers."""

    author_id: AccountId
    post_id: PostId


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post. Drops its reposts too."""

    author_id: AccountId
    post_id: PostId


class SetRepost(NamedTuple):
    """Whether an account reposts a post; `item_id` is the repost's own id."""

    account_id: AccountId
    post_id: PostId
    post_author_id: AccountId
    item_id: ItemId
    on: bool
    version: int


class SetTie(NamedTuple):
    """What a reader's home makes of another account: the highest version counts.

    `hides`: either has blocked the other, or the reader mutes the other.
    """

    reader_id: AccountId
    other_id: AccountId
    follows: bool
    hides: bool
    version: int


class DropAccount(NamedTuple):
    """The account is closed: absorbing. Its items, reposts of its posts and ties are gone."""

    account_id: AccountId


Operation = AddPost | DropPost | SetRepost | SetTie | DropAccount

# Where an item of a home comes from when a page is read: it was `pushed` and is kept ready; its
# author has so many followers (`large`), or pushing it is not done yet; it is `trimmed`, older than
# what is kept ready; or nothing is kept ready, for the reader was `away`.
Source = Literal["pushed", "large", "trimmed", "away"]
# Of one post in one home.
PLACES_MAX: Final = 20


class Place(NamedTuple):
    """Where a post stands in a home, and where a page has it from."""

    item: Item
    source: Source


class Whereabouts(NamedTuple):
    """What is known here of a post for one reader's home. `author_id` only if it was applied as a
    post that stands in homes, and lives; `places` are the newest PLACES_MAX, newest first."""

    author_id: AccountId | None
    deleted: bool
    places: Sequence[Place]


class HomeTimelines(Store[Operation], Protocol):
    """Where home timelines are kept.

    An adapter takes: `threshold`, the followers from which an author is pulled, not pushed (0
    pulls all, `math.inf` pushes all; back to pushing below 0.8 of it); `depth`, the items kept
    ready for a reader; `active_days`, how long after their last read a reader is pushed to.
    """

    async def page(self, reader_id: AccountId, window: Window, limit: int) -> Sequence[Item]:
        """The reader's home, newest first, exact to the very first post. Fewer than `limit` items
        only where the window holds no more. A post may occur several times, under several item
        ids: as itself and as reposts."""

    async def find(self, reader_id: AccountId, post_id: PostId) -> Whereabouts:
        """Where a post stands in the reader's home. Costs a look at everybody followed."""

    async def evict(self, reader_ids: Sequence[AccountId]) -> None:
        """Forget what is kept ready for these readers. Their homes stay as they are."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    operations: list[Operation] = []
    for event, version, _, _ in batch:
        match event:
            case TweetPosted():
                operations.append(AddPost(event.actor_id, event.post_id))
            case ReplyPosted() if event.in_reply_to_author_id == event.actor_id:
                operations.append(AddPost(event.actor_id, event.post_id))
            case TweetDeleted() | ReplyDeleted():
                operations.append(DropPost(event.actor_id, event.post_id))
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
            case RelationshipFact():
                operations.extend(_ties(event, version))
            case AccountClosed():
                operations.append(DropAccount(event.actor_id))
            case _:
                pass
    return operations


def _ties(event: RelationshipFact, version: int) -> Iterator[SetTie]:
    """Both directions: a block by one hides each from the other."""
    for reader, other in (
        (event.actor_id, event.target_id),
        (event.target_id, event.actor_id),
    ):
        mine, theirs = event.standing_of(reader), event.standing_of(other)
        hides = mine.blocks or theirs.blocks or mine.mutes
        yield SetTie(reader, other, mine.follows, hides, version)


HOME_TIMELINES: Final = Projection(
    name="home_timelines",
    # 2: in Redis, ids of before May 2018 are kept as integers too.
    version=2,
    events=frozenset(
        {
            TweetPosted,
            ReplyPosted,
            TweetDeleted,
            ReplyDeleted,
            RepostAdded,
            RepostRemoved,
            AccountFollowed,
            AccountUnfollowed,
            AccountBlocked,
            AccountUnblocked,
            AccountMuted,
            AccountUnmuted,
            AccountClosed,
        }
    ),
    project=project,
)
