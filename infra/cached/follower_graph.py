"""The follower graph with its counts, and how readers and accounts stand to each other, in a
cache."""

from collections.abc import Sequence
from typing import Final, Protocol

from domain.ids import AccountId, EventId
from domain.objects import AccountViewer
from infra.cached.store import CachedStore, MadeStore, Touched
from infra.redis.view_cache import ViewCache
from projections.follower_graph import (
    DropAccount,
    Edge,
    EdgeCounts,
    EdgeList,
    FollowerGraph,
    Operation,
    Suggestion,
)
from projections.windows import Window

_YES: Final = ord("1")


class MadeGraph(FollowerGraph, MadeStore[Operation], Protocol):
    """Any follower graph."""


class CachedFollowerGraph(CachedStore[Operation]):
    """Implements `projections.follower_graph.FollowerGraph`."""

    def __init__(self, store: MadeGraph, cache: ViewCache, *, fills: bool = False) -> None:
        super().__init__(store, cache, fills=fills)
        self._store = store
        self._counts = cache.shelf("counts", lambda counts: b"%d %d" % counts, _counts)
        self._relations = cache.shelf("relation", _packed, _relation)

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

    async def counts(self, account_ids: Sequence[AccountId]) -> dict[AccountId, EdgeCounts]:
        """See `FollowerGraph.counts`."""
        return await self._counts.read(account_ids, self._store.counts)

    async def relations(
        self, reader_id: AccountId, account_ids: Sequence[AccountId]
    ) -> dict[AccountId, AccountViewer]:
        """See `FollowerGraph.relations`."""

        async def load(ids: Sequence[AccountId]) -> dict[AccountId, AccountViewer]:
            return await self._store.relations(reader_id, ids)

        return await self._relations.read(account_ids, load, owner=reader_id)

    async def follow_of(self, follower_id: AccountId, followed_id: AccountId) -> EventId | None:
        """See `FollowerGraph.follow_of`."""
        return await self._store.follow_of(follower_id, followed_id)

    def _touched(self, operations: Sequence[Operation]) -> Touched:
        """A closed account is a neighbour less to any number of others."""
        keys = set[str]()
        for operation in operations:
            if isinstance(operation, DropAccount):
                return Touched(set(), whole=True)
            one, other = operation.account_id, operation.other_id
            keys |= {self._counts.key(one), self._counts.key(other)}
            keys |= {self._relations.key(other, one), self._relations.key(one, other)}
        return Touched(keys)


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
