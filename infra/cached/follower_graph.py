"""The follower graph with its counts, and how readers and accounts stand to each other, in a
cache."""

from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

from domain.ids import AccountId, EventId
from domain.objects import AccountViewer
from infra.cached.joined_loads import JoinedLoads
from infra.cached.store import CLOSED_MAX, CachedStore, MadeStore, Touched
from infra.redis.view_cache import ViewCache
from projections.follower_graph import (
    DropAccount,
    Edge,
    EdgeCounts,
    EdgeList,
    FollowerGraph,
    Operation,
    SetTie,
    Suggestion,
)
from projections.windows import Window

# Of a reader there are as many as there are authors on their pages.
RELATIONS_NEAR: Final = 400_000
_YES: Final = ord("1")
# A reader and an account.
Pair = tuple[AccountId, AccountId]


class MadeGraph(FollowerGraph, MadeStore[Operation], Protocol):
    """A follower graph that can be asked for many readers at once."""

    async def relations_of(self, pairs: Sequence[Pair]) -> Mapping[Pair, AccountViewer]:
        """As `relations`, of each reader and account."""

    async def closing(self, account_id: AccountId, limit: int) -> Collection[AccountId] | None:
        """Let no tie to the account come any more; all who have one now, or None if they are more
        than `limit`. Raises StoreUnavailable."""


class CachedFollowerGraph(CachedStore[Operation]):
    """Implements `projections.follower_graph.FollowerGraph`."""

    closed_max: ClassVar[int] = CLOSED_MAX

    def __init__(self, store: MadeGraph, cache: ViewCache, *, fills: bool = False) -> None:
        super().__init__(store, cache, fills=fills)
        self._store = store
        self.kept_edges = cache.shelf("counts", lambda counts: b"%d %d" % counts, _counts)
        self._relations = cache.shelf("relation", _packed, _relation, near_max=RELATIONS_NEAR)
        self._load_counts = JoinedLoads(store.counts)
        self._load_relations = JoinedLoads(store.relations_of)

    async def edges(
        self, account_id: AccountId, which: EdgeList, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.edges`."""
        return await self._store.edges(account_id, which, window, limit)

    async def mutuals(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.mutuals`."""
        return await self._store.mutuals(account_id, reader_id, window, limit)

    async def known_followers(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.known_followers`."""
        return await self._store.known_followers(account_id, reader_id, window, limit)

    async def suggestions(
        self, reader_id: AccountId, after: Suggestion | None, limit: int
    ) -> Sequence[Suggestion]:
        """See `FollowerGraph.suggestions`."""
        return await self._store.suggestions(reader_id, after, limit)

    def counts(
        self, account_ids: Sequence[AccountId]
    ) -> Coroutine[Any, Any, Mapping[AccountId, EdgeCounts]]:
        """See `FollowerGraph.counts`."""
        return self.kept_edges.read(account_ids, self._load_counts)

    def relations(
        self, reader_id: AccountId, account_ids: Sequence[AccountId]
    ) -> Coroutine[Any, Any, Mapping[AccountId, AccountViewer]]:
        """See `FollowerGraph.relations`."""

        async def load(ids: Sequence[AccountId]) -> dict[AccountId, AccountViewer]:
            found = await self._load_relations([(reader_id, one) for one in ids])
            return {one: viewer for (_, one), viewer in found.items()}

        return self._relations.read(account_ids, load, owner=reader_id)

    async def follow_of(self, follower_id: AccountId, followed_id: AccountId) -> EventId | None:
        """See `FollowerGraph.follow_of`."""
        return await self._store.follow_of(follower_id, followed_id)

    async def _touched_by(self, operations: Sequence[Operation]) -> Touched:
        """A closed account is a neighbour less to others."""
        keys = self._touched(operations).keys
        for operation in operations:
            if isinstance(operation, DropAccount):
                closed = operation.account_id
                others = await self._store.closing(closed, self.closed_max)
                if others is None:
                    return Touched(set(), whole=True)
                keys.add(self.kept_edges.key(closed))
                for other in others:
                    keys |= self._pair_keys(closed, other)
        return Touched(keys)

    def _touched(self, operations: Sequence[Operation]) -> Touched:
        keys = set[str]()
        for operation in operations:
            if isinstance(operation, SetTie):
                keys |= self._pair_keys(operation.account_id, operation.other_id)
        return Touched(keys)

    def _pair_keys(self, one: AccountId, other: AccountId) -> set[str]:
        return {
            self.kept_edges.key(one),
            self.kept_edges.key(other),
            self._relations.key(other, one),
            self._relations.key(one, other),
        }


def _counts(packed: bytes) -> EdgeCounts:
    followers, _, following = packed.partition(b" ")
    return EdgeCounts(int(followers), int(following))


def _packed(viewer: AccountViewer) -> bytes:
    return b"%d%d%d%d%d" % (
        viewer.following,
        viewer.followed_by,
        viewer.blocking,
        viewer.blocked_by,
        viewer.muting,
    )


def _relation(packed: bytes) -> AccountViewer:
    return AccountViewer(*(flag == _YES for flag in packed))
