"""Accounts that a process keeps as JSON, of what Redis tells it: another process writes."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from itertools import count
from os import getpid
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Final, cast

from domain.ids import AccountId
from infra.account_bodies import KeptBodies
from infra.cached.account_directory import CachedAccountDirectory
from infra.cached.author_timelines import CachedAuthorTimelines
from infra.cached.follower_graph import CachedFollowerGraph
from infra.redis.client import RedisClient, client
from infra.redis.view_cache import ViewCaches
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.sqlite.author_timelines import SqliteAuthorTimelines
from tests import facts
from tests.cluster.cached import BesideRedis
from tests.cluster.redis_homes import address
from tests.cluster.test_cached_on_sqlite import GraphOfMany
from tests.contract.account_bodies_contract import PEOPLE, AccountBodiesContract, Accounts

# A first read puts what it read into Redis, the next one keeps it.
READS_MAX: Final = 3
_numbers: Final = count()


class AccountsOfOthers(Accounts):
    """They are read by a process that hears of changes from Redis."""

    caches: ViewCaches

    async def known(self, ids: Collection[AccountId]) -> Mapping[AccountId, bytes]:
        for _ in range(READS_MAX):
            found = await asyncio.create_task(self.request(list(ids)))
            if found is not None:
                return found
        raise AssertionError("They are not kept")

    async def request(self, ids: list[AccountId]) -> Mapping[AccountId, bytes] | None:
        """Hears from Redis once, and asks the views where nothing is kept."""
        self.caches.begin()
        await self.caches._turns.look("nothing", (), lease_ms=0)  # noqa: SLF001
        found = self.bodies.known(ids)
        if found is None:
            await self.views.account_directory.profiles(ids)
            await self.views.author_timelines.tweet_counts(ids)
            await self.views.follower_graph.counts(ids)
            await self.caches.settle()
        return found


class TestKeptBodies(BesideRedis, AccountBodiesContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AccountsOfOthers]:
        self.namespace = f"bodies_test_{getpid()}_{next(_numbers)}"
        with TemporaryDirectory() as folder:
            self.folder = Path(folder)
            async with AsyncExitStack() as self.open:
                self.clients: list[RedisClient] = []
                self.reading, self.writing = await self.process(), await self.process()
                stores, views, written = (SimpleNamespace() for _ in range(3))
                for name, made, cached in (
                    ("account_directory", SqliteAccountDirectory, CachedAccountDirectory),
                    ("author_timelines", SqliteAuthorTimelines, CachedAuthorTimelines),
                    ("follower_graph", GraphOfMany, CachedFollowerGraph),
                ):
                    store = self.made(made, name)
                    setattr(stores, name, store)
                    setattr(views, name, self.cached(cached, store, name, self.reading))
                    setattr(written, name, self.cached(cached, store, name, self.writing))
                bodies = KeptBodies(cast("Any", views), self.reading.is_current)
                accounts = AccountsOfOthers(views, bodies, written=written, stores=stores)
                accounts.caches = self.reading
                yield accounts

    async def test_a_lost_connection_is_the_end_of_all(self) -> None:
        """For nobody tells any more what changes."""
        async with self.opened() as accounts, aclosing(client(address(self.redis_port))) as redis:
            await accounts.take(*facts.Log().record(facts.opened("ada")))
            before = await accounts.known(PEOPLE)
            connection = await self.clients[0].client_id()
            assert await redis.client_kill_filter(_id=str(connection)) == 1

            assert await accounts.request(PEOPLE) is None
            assert await accounts.known(PEOPLE) == before

    def another_graph(self) -> Any:
        store = self.made(GraphOfMany, "another")
        return self.cached(CachedFollowerGraph, store, "another", self.reading)

    async def process(self) -> ViewCaches:
        redis = await self.open.enter_async_context(aclosing(client(address(self.redis_port))))
        self.clients.append(redis)
        caches = ViewCaches(redis)
        self.open.push_async_callback(caches.close)
        return caches

    def made(self, kind: Any, name: str) -> Any:
        store = self.open.enter_context(closing(kind(self.folder / f"{name}.db")))
        # As stores on engines have them.
        store.create = store.drop = None
        return store

    def cached(self, kind: Any, store: Any, name: str, caches: ViewCaches) -> Any:
        near = caches is self.reading
        return kind(store, caches.of(f"{self.namespace}_{name}", counted_as=name, near=near))
