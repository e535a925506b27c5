"""Who follows, blocks and mutes whom, and what the graph says: mutuals, suggestions.

Every list of accounts is ordered by the edge that put them there, the newest first; an edge's id
is the event id of the follow, block or mute.
"""

from collections.abc import Iterator, Mapping, Sequence
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
)
from domain.ids import AccountId, EventId
from domain.objects import AccountViewer
from projections.projection import Projection, Store
from projections.windows import Window

# How much of the graph a suggestion looks at: the newest follows of the reader, and the newest
# follows of each of those. Bounds the work where a hub follows a hundred thousand.
FRIENDS_MAX: Final = 100
FRIENDS_OF_FRIEND_MAX: Final = 50

EdgeList = Literal["followers", "following", "blocks", "mutes"]


class SetTie(NamedTuple):
    """How an account stands to another: the highest version counts. Comes for both directions.

    The four ids are those of the edges that this event made, 0 for all others; an edge's id is
    the highest that came for it.
    """

    account_id: AccountId
    other_id: AccountId
    version: int
    follows: bool
    followed: bool
    blocks: bool
    blocked: bool
    mutes: bool
    follow_id: int
    followed_id: int
    block_id: int
    mute_id: int


class DropAccount(NamedTuple):
    """The account is closed: absorbing. It has no edges and counts nowhere."""

    account_id: AccountId


Operation = SetTie | DropAccount


class Edge(NamedTuple):
    """An account in a list; windows of lists are of edge ids."""

    edge_id: EventId
    account_id: AccountId


class EdgeCounts(NamedTuple):
    """How many there are of each."""

    followers: int = 0
    following: int = 0


class Suggestion(NamedTuple):
    """An account that `paths` of those the reader follows follow."""

    paths: int
    account_id: AccountId


class FollowerGraph(Store[Operation], Protocol):
    """Where the graph is kept."""

    async def edges(
        self, account_id: AccountId, which: EdgeList, window: Window, limit: int
    ) -> Sequence[Edge]:
        """One of an account's lists, the newest edge first."""

    async def mutuals(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """Whom both follow; the edges are the account's."""

    async def known_followers(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """Followers of the account whom the reader follows; the edges are theirs to the account."""

    async def suggestions(
        self, reader_id: AccountId, after: Suggestion | None, limit: int
    ) -> Sequence[Suggestion]:
        """Friends of friends by number of paths, then by id, behind `after`. Leaves out the reader
        and whom the reader follows, has blocked, is blocked by or mutes. Looks at the reader's
        FRIENDS_MAX newest follows and the FRIENDS_OF_FRIEND_MAX newest of each of those."""

    async def counts(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, EdgeCounts]:
        """Followers and following of each account that has any."""

    async def relations(
        self, reader_id: AccountId, account_ids: Sequence[AccountId]
    ) -> Mapping[AccountId, AccountViewer]:
        """How the reader and each account stand to each other; strangers may be left out."""

    async def follow_of(self, follower_id: AccountId, followed_id: AccountId) -> EventId | None:
        """The id of the edge by which the one follows the other, if they do."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    operations: list[Operation] = []
    for event, version, _, _ in batch:
        match event:
            case RelationshipFact():
                operations.extend(_ties(event, version))
            case AccountClosed():
                operations.append(DropAccount(event.actor_id))
            case _:
                pass
    return operations


def _ties(event: RelationshipFact, version: int) -> Iterator[SetTie]:
    """The pair as each of the two sees it."""
    actor, target, edge = event.actor_id, event.target_id, event.event_id
    mine, theirs = event.standing_of(actor), event.standing_of(target)
    follow = edge if isinstance(event, AccountFollowed) else 0
    block = edge if isinstance(event, AccountBlocked) else 0
    mute = edge if isinstance(event, AccountMuted) else 0
    yield SetTie(
        account_id=actor,
        other_id=target,
        version=version,
        follows=mine.follows,
        followed=theirs.follows,
        blocks=mine.blocks,
        blocked=theirs.blocks,
        mutes=mine.mutes,
        follow_id=follow,
        followed_id=0,
        block_id=block,
        mute_id=mute,
    )
    yield SetTie(
        account_id=target,
        other_id=actor,
        version=version,
        follows=theirs.follows,
        followed=mine.follows,
        blocks=theirs.blocks,
        blocked=mine.blocks,
        mutes=theirs.mutes,
        follow_id=0,
        followed_id=follow,
        block_id=0,
        mute_id=0,
    )


FOLLOWER_GRAPH: Final = Projection(
    name="follower_graph",
    version=2,
    events=frozenset(
        {
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
