"""Keeps a process's refusals up with the log, where other processes write it too.

What this process appended itself is enforced before it is answered; what others appended comes
by the topics, some milliseconds later. See docs/decisions/0008-refusals-of-many-processes.md.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from domain.errors import Unavailable
from domain.events import Recorded
from domain.topics import name_of, place_of
from infra.sqlite.refusals import SqliteRefusals
from infra.sqlite.refusing_events import REFUSING
from projections.projection import Projection
from streams.feed import Feed

BATCH_MAX: Final = 1_000
RETRY_S: Final = 0.5
TOPICS: Final = frozenset(event.TOPIC for event in REFUSING)
# How far they are is asked as of a projection; nobody else fills them.
REFUSALS: Final = Projection("refusals", 1, REFUSING, lambda _batch: ())

log = logging.getLogger(__name__)


class RefusalsFollower:
    """Reads every partition on which something can come that refuses."""

    def __init__(self, refusals: SqliteRefusals, feed: Feed) -> None:
        self._refusals = refusals
        self._feed = feed
        self._positions = {
            partition: refusals.reached.get(partition, 0)
            for partition in feed.partitions
            if place_of(partition).topic in TOPICS
        }

    async def catch_up(self) -> None:
        """Take everything the log has now: before the first request. Raises Unavailable."""
        for partition in self._positions:
            head = self._feed.head(partition)
            while self._positions[partition] < head:
                await self._take(partition)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._positions

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the log for as long as the context lasts."""
        tasks = [
            asyncio.create_task(self._follow(partition), name=f"refusals {name_of(partition)}")
            for partition in self._positions
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, partition: int) -> None:
        while True:
            try:
                await self._take(partition)
                await self._feed.wait(partition, self._positions[partition])
            except Unavailable as error:
                log.warning("Refusals wait for %s: %s", name_of(partition), error)
                await asyncio.sleep(RETRY_S)

    async def _take(self, partition: int) -> None:
        batch = await self._feed.read(partition, self._positions[partition], BATCH_MAX)
        recorded = [fed for fed in batch if isinstance(fed, Recorded)]
        if recorded:
            self._refusals.committed(recorded)
        if batch:
            self._positions[partition] = batch[-1].position
