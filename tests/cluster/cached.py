"""Stores with a cache before them for contracts: what they answer is compared with the store.

Before each batch everything that was ever mentioned is asked for, so that it is cached; and after
it, so that whatever is left of what was before is found.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from os import getpid
from typing import Any, ClassVar, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import AccountId
from infra.cached.account_directory import CachedAccountDirectory
from infra.cached.author_timelines import CachedAuthorTimelines
from infra.cached.follower_graph import CachedFollowerGraph
from infra.cached.post_cards import CachedPostCards
from infra.cached.store import CachedStore
from infra.redis import client as redis_client
from infra.redis import view_cache, view_cache_bars, view_cache_turns
from infra.redis.client import client
from infra.redis.view_cache import ViewCache, ViewCaches
from tests import facts
from tests.cluster.cassandra_views import OnCassandra
from tests.cluster.local import LocalCluster
from tests.cluster.redis_homes import address
from tests.contract.projecting import deliver
from tests.histories import deliveries, histories

SNOWFLAKE: Final = 1 << 32
PATIENCE_S: Final = 60.0
READERS: Final = [facts.account(name) for name in facts.NAMES[:3]]
_numbers: Final = count()


@asynccontextmanager
async def caches_on(port: int) -> AsyncIterator[Callable[[], tuple[ViewCaches, ViewCache]]]:
    """Gives the caches of one process after the other, all before the same store."""
    redis = client(address(port))
    namespace = f"cached_test_{getpid()}_{next(_numbers)}"
    opened: list[ViewCaches] = []

    def another() -> tuple[ViewCaches, ViewCache]:
        opened.append(ViewCaches(redis))
        return opened[-1], opened[-1].of(namespace)

    try:
        yield another
    finally:
        for caches in opened:
            await caches.close()
        await redis.aclose()


class Compared(CachedStore[Any]):
    """Mixed into a store with a cache."""

    def __init__(
        self, store: Any, caches: tuple[ViewCaches, ViewCache], *, fills: bool = False
    ) -> None:
        super().__init__(store, caches[1], fills=fills)
        self.caches = caches[0]
        self.within = store
        self.compares = True
        self._mentioned: set[int] = set()

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        """Applies, and compares before and afterwards."""
        self._mentioned |= {value for one in operations for value in one if _is_id(value)}
        await self.compare()
        await super().apply(operations, checkpoint)
        await self.compare()

    async def compare(self) -> None:
        """What is cached is what the store says, unless others are writing."""
        ids = sorted(self._mentioned)
        mine = await self.asked(self, ids)
        assert not self.compares or mine == await self.asked(self.within, ids)
        await self.caches.settle()

    @staticmethod
    @abstractmethod
    async def asked(store: Any, ids: Sequence[Any]) -> Sequence[Mapping[Any, Any]]:
        """Everything cached, of these ids."""


def _is_id(value: object) -> bool:
    return isinstance(value, int) and value > SNOWFLAKE


class ComparedDirectory(Compared, CachedAccountDirectory):
    @staticmethod
    async def asked(store: Any, ids: Sequence[AccountId]) -> Sequence[Mapping[Any, Any]]:
        return [await store.profiles(ids)]


class ComparedTimelines(Compared, CachedAuthorTimelines):
    @staticmethod
    async def asked(store: Any, ids: Sequence[AccountId]) -> Sequence[Mapping[Any, Any]]:
        return [await store.tweet_counts(ids)]


class ComparedGraph(Compared, CachedFollowerGraph):
    closed_max = 2

    @staticmethod
    async def asked(store: Any, ids: Sequence[AccountId]) -> Sequence[Mapping[Any, Any]]:
        relations = [await store.relations(reader, ids) for reader in READERS]
        return [await store.counts(ids), *relations]


class ComparedCards(Compared, CachedPostCards):
    # So few that some doings are found among them and others are not, and that some closings empty
    # the cache and others do not.
    kept = 2
    closed_max = 3

    @staticmethod
    async def asked(store: Any, ids: Sequence[Any]) -> Sequence[Mapping[Any, Any]]:
        readers = (None, *READERS)
        return list(await asyncio.gather(*(store.cards(ids, one) for one in readers)))


class BesideRedis:
    """A contract whose `opened` has a cache before it. Subclass with what compares the store."""

    compared: ClassVar[Callable[..., Compared]]
    redis_port: ClassVar[int]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def redis(cls, cluster: LocalCluster) -> None:
        cls.redis_port = cluster.ports.redis

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No cache is given up, however long a busy machine lets Redis stand still: what is not
        cached, because it took too long, would be asked of the store."""
        monkeypatch.setattr(redis_client, "TIMEOUT_S", PATIENCE_S)
        monkeypatch.setattr(view_cache_turns, "WITHIN_S", PATIENCE_S)
        monkeypatch.setattr(view_cache_bars, "WITHIN_S", PATIENCE_S)
        monkeypatch.setattr(view_cache, "LEASE_MS", round(1_000 * PATIENCE_S))


class CachedOnCassandra(BesideRedis, OnCassandra):
    """A contract's `opened`, on Cassandra."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        async with caches_on(self.redis_port) as another, super().opened():
            self.views.kind = lambda *of: self.compared(type(self).kind(*of), another())
            yield self.views.open()

    @settings(max_examples=3)
    @given(st.data())
    def test_two_owners_at_the_same_time_leave_what_one_leaves(self, data: st.DataObject) -> None:
        """And what is cached is what they left."""
        history = data.draw(histories(40, min_steps=20, doings=self.doings))
        ones, others = data.draw(deliveries(history)), data.draw(deliveries(history))

        async def both() -> None:
            async with self.opened() as one:
                other = self.views.open()
                one.compares = other.compares = False
                await asyncio.gather(
                    deliver(self.projection, one, *ones), deliver(self.projection, other, *others)
                )
                one.compares = other.compares = True
                await one.compare()
                await other.compare()

        asyncio.run(both())
