"""Stores of home timelines in Redis for tests, each in a namespace of its own."""

import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from domain.ids import AccountId
from infra.redis.client import client
from infra.redis.home_keys import shard_of
from infra.redis.home_timelines import RedisHomeTimelines
from tests import facts

DAY_MS = 86_400_000
_numbers = count()


def address(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


class OpenedNamespace:
    """A store in a namespace of its own; the clock stands still unless it is told to go on."""

    def __init__(self, port: int, *, threshold: float, depth: int, at_once: int) -> None:
        self.redis = client(address(port))
        self.namespace = f"home_timelines_test_{os.getpid()}_{next(_numbers)}"
        self._depth = depth
        self._at_once = at_once
        self._now_ms = facts.NOON_MS
        self.store = self.open(threshold)

    def open(self, threshold: float) -> RedisHomeTimelines:
        return RedisHomeTimelines(
            self.redis,
            self.namespace,
            threshold=threshold,
            depth=self._depth,
            deliveries_at_once=self._at_once,
            now_ms=lambda: self._now_ms,
        )

    async def entries(self, *readers: AccountId) -> int:
        """What is kept ready for these readers, all in all."""
        keys = [self.key("cache", reader) for reader in readers]
        return sum([await self.redis.llen(key) for key in keys])

    def key(self, what: str, reader: AccountId) -> str:
        return f"{self.namespace}:{{{shard_of(reader)}}}:{what}:{reader}"

    async def reopen(self, threshold: float) -> None:
        await self.store.close()
        self.store = self.open(threshold)

    async def settle(self) -> None:
        await self.store.wait_for_rebuilds()

    async def pass_days(self, days: int) -> None:
        self._now_ms += days * DAY_MS


@asynccontextmanager
async def opened_namespace(
    port: int, *, threshold: float = math.inf, depth: int = 800, at_once: int = 10_000
) -> AsyncIterator[OpenedNamespace]:
    opened = OpenedNamespace(port, threshold=threshold, depth=depth, at_once=at_once)
    try:
        await opened.store.create()
        yield opened
    finally:
        await opened.store.drop()
        await opened.redis.aclose()
