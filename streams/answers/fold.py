"""A fold of the log: a projection's events applied to a store that nobody else has."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from domain.errors import Unavailable
from domain.events import Recorded
from projections.projection import Projection, Store
from streams.answers.keys import Kind, Known
from streams.answers.set_aside import SetAside
from streams.feed import Fed, Feed
from streams.pipeline import Pipeline
from streams.rebuild import Rebuilt, rebuild

# How long to wait for an event of which somebody else has heard already.
WAIT_S: Final = 30.0


class Fold:
    """`known` is what the events named that were read so far."""

    def __init__(
        self, projection: Projection, store: Store[Any], feed: Feed, kinds: Collection[Kind]
    ) -> None:
        self.store = store
        self.known = Known(kinds)
        self._feed = _Noting(feed, self.known)
        self._letters = SetAside()
        self._pipeline = Pipeline(projection, store, self._letters, stalled=_unheard)

    async def bring_to(self, ends: Mapping[int, int], report: Callable[[Rebuilt], None]) -> None:
        """Apply everything up to these positions that was not applied yet.

        Raises Paused, Unavailable.
        """
        async with asyncio.timeout(None) as patience:
            while behind := await self._behind(ends):
                patience.reschedule(None)
                await rebuild(self._pipeline, self._feed, ends, report=report)
                if await self._behind(ends) == behind:
                    patience.reschedule(asyncio.get_running_loop().time() + WAIT_S)
                    await self._wait(behind)

    @property
    def set_aside(self) -> int:
        """How many events could not be applied."""
        return len(self._letters.parked)

    async def _behind(self, ends: Mapping[int, int]) -> Mapping[int, int]:
        reached = await self.store.checkpoint()
        return {one: reached.get(one, 0) for one, end in ends.items() if reached.get(one, 0) < end}

    async def _wait(self, behind: Mapping[int, int]) -> None:
        partition, position = next(iter(behind.items()))
        await self._feed.wait(partition, position)


class _Noting:
    """A feed whose events are noted as they are read."""

    def __init__(self, feed: Feed, known: Known) -> None:
        self._feed = feed
        self._known = known
        self.wait = feed.wait
        self.head = feed.head

    @property
    def partitions(self) -> Sequence[int]:
        return self._feed.partitions

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        """See `Feed.read`."""
        found = await self._feed.read(partition, after, limit)
        for fed in found:
            if isinstance(fed, Recorded):
                self._known.note(fed.event)
        return found


def _unheard(projection: str, error: Exception) -> None:
    """The fold's own store is a file beside nobody: it does not stall."""
    raise Unavailable(f"The fold of {projection} cannot be written: {error}") from error
