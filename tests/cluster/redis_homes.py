"""Stores of home timelines in Redis for tests, each in a namespace of its own."""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from itertools import count
from typing import Self

import pytest

from domain.events import Recorded
from domain.ids import AccountId, PostId
from infra.redis.client import RedisClient, client
from infra.redis.home_keys import shard_of
from infra.redis.home_timelines import RedisHomeTimelines
from infra.redis.redis_cluster import AnyRedis, RedisCluster
from projections.home_timelines import HOME_TIMELINES, AddPost
from projections.projection import StoreUnavailable
from tests import facts
from tests.contract.home_timelines_contract import ADA, ALL, EVERYBODY, scrolled
from tests.contract.projecting import deliver
from tests.model.home import Homes

DAY_MS = 86_400_000
_numbers = count()


def address(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


class OpenedAnywhere:
    """A store in a namespace of its own; the clock stands still unless it is told to go on."""

    def __init__(self, redis: AnyRedis, *, threshold: float, depth: int, at_once: int) -> None:
        self.namespace = f"home_timelines_test_{os.getpid()}_{next(_numbers)}"
        self._redis = redis
        self._depth = depth
        self._at_once = at_once
        self._now_ms = facts.NOON_MS
        self.store = self.open(threshold)

    def open(self, threshold: float) -> RedisHomeTimelines:
        return RedisHomeTimelines(
            self._redis,
            self.namespace,
            threshold=threshold,
            depth=self._depth,
            deliveries_at_once=self._at_once,
            now_ms=lambda: self._now_ms,
        )

    async def reopen(self, threshold: float) -> None:
        await self.store.close()
        self.store = self.open(threshold)

    async def settle(self) -> None:
        await self.store.wait_for_rebuilds()

    async def pass_days(self, days: int) -> None:
        self._now_ms += days * DAY_MS

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[Self]:
        """Created, and dropped at the end."""
        async with aclosing(self._redis):
            try:
                await self.store.create()
                yield self
            finally:
                await self.store.drop()


class OpenedNamespace(OpenedAnywhere):
    """On a server alone."""

    def __init__(self, redis: RedisClient, *, threshold: float, depth: int, at_once: int) -> None:
        super().__init__(redis, threshold=threshold, depth=depth, at_once=at_once)
        self.redis = redis

    async def entries(self, *readers: AccountId) -> int:
        """What is kept ready for these readers, all in all."""
        keys = [self.key("cache", reader) for reader in readers]
        return sum([await self.redis.llen(key) for key in keys])

    def key(self, what: str, reader: AccountId) -> str:
        return f"{self.namespace}:{{{shard_of(reader)}}}:{what}:{reader}"


def opened_namespace(
    port: int, *, threshold: float = math.inf, depth: int = 800, at_once: int = 10_000
) -> AbstractAsyncContextManager[OpenedNamespace]:
    redis = client(address(port))
    return OpenedNamespace(redis, threshold=threshold, depth=depth, at_once=at_once).in_use()


def opened_on_cluster(
    url: str, *, threshold: float = math.inf, depth: int = 800, at_once: int = 10_000
) -> AbstractAsyncContextManager[OpenedAnywhere]:
    redis = RedisCluster(url)
    return OpenedAnywhere(redis, threshold=threshold, depth=depth, at_once=at_once).in_use()


async def write_and_read_at_once(
    opening: AbstractAsyncContextManager[OpenedAnywhere],
    history: Sequence[Recorded],
    batches: Sequence[Sequence[Sequence[Recorded]]],
) -> None:
    """Two stores on one namespace, each given all of a history in batches of its own, while homes
    are read: in the end both have the homes that the history says."""
    async with opening as opened:
        stores = [opened.store, opened.open(2)]

        async def write(number: int) -> None:
            for batch in batches[number]:
                await deliver(HOME_TIMELINES, stores[number], batch)

        async def read(number: int) -> None:
            for reader in EVERYBODY * 4:
                await scrolled(stores[number], reader, 2)

        await asyncio.gather(write(0), write(1), read(0), read(1))
        homes = Homes(history)
        for store in stores:
            await store.wait_for_rebuilds()
            for reader in EVERYBODY:
                assert await scrolled(store, reader, 2) == homes.home(reader)
        await stores[1].close()


async def is_unavailable(redis: AnyRedis) -> None:
    """Whatever is asked of a store of which nobody listens says so."""
    store = RedisHomeTimelines(redis, "nobody", threshold=1, now_ms=lambda: facts.NOON_MS)
    for call in (
        store.create(),
        store.checkpoint(),
        store.page(ADA, ALL, 20),
        store.evict([ADA]),
        store.apply([AddPost(ADA, PostId(1))], {0: 1}),
        store.drop(),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    await redis.aclose()
