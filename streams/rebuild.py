"""Fills a new generation of a projection from the log: from where its store is to a pinned end.

The store's own checkpoint says how far it is, so a rebuild that was killed goes on where it was.
Nothing here can reach a client: what happens to the outside comes from a consumer of its own.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple, Protocol

from streams.feed import Fed, Feed
from streams.pipeline import Pipeline

BATCH_MAX: Final = 2_000
# A throttled rebuild takes batches of what it may apply in this time.
TURN_S: Final = 0.1
# Before so much of it is done nobody can say how long it takes.
FORETOLD_FROM: Final = 0.1


class Rebuilt(NamedTuple):
    """How far a rebuild is: events applied of those there are, in this run after so many s."""

    done: int
    total: int
    began_at: int
    elapsed_s: float

    @property
    def per_s(self) -> float:
        """Events a second in this run."""
        return (self.done - self.began_at) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float:
        """Seconds until the end at this rate; infinite before it is known."""
        return (self.total - self.done) / self.per_s if self.per_s else inf


class Foretelling:
    """The first estimate of the end that is worth something, held against when it came."""

    def __init__(self) -> None:
        self._first: Rebuilt | None = None
        self._last: Rebuilt | None = None

    def note(self, rebuilt: Rebuilt) -> None:
        """How far it is now."""
        self._last = rebuilt
        done, ahead = rebuilt.done - rebuilt.began_at, rebuilt.total - rebuilt.began_at
        if self._first is None and ahead * FORETOLD_FROM <= done < ahead:
            self._first = rebuilt

    @property
    def error(self) -> float | None:
        """By which part of the whole time the estimate was too long (too short: below 0). None
        where it was over before there was one."""
        first, last = self._first, self._last
        if first is None or last is None or not last.elapsed_s:
            return None
        return (first.elapsed_s + first.left_s) / last.elapsed_s - 1


class Ranges(Protocol):
    """A log of which several parts can be read at once."""

    def read_range(self, partition: int, after: int, until: int) -> AsyncIterator[Sequence[Fed]]:
        """The events behind `after` up to and including `until`, in batches.

        Raises Unavailable, StoreUnavailable.
        """


async def rebuild(
    pipeline: Pipeline,
    feed: Feed,
    ends: Mapping[int, int],
    *,
    report: Callable[[Rebuilt], None],
    per_s_max: float = inf,
) -> None:
    """Apply every event up to `ends`, partition -> position, at most so many a second.

    Raises Paused.
    """
    pace = _Pace(await pipeline.store.checkpoint(), ends, report, per_s_max)
    for partition, end in ends.items():
        while pace.reached[partition] < end:
            limit = min(pace.batch_max, end - pace.reached[partition])
            batch = await feed.read(partition, pace.reached[partition], limit)
            if not batch:
                break
            await pace.passed(await pipeline.take(batch))


async def rebuild_in_lanes(
    lanes: Sequence[Pipeline],
    log: Ranges,
    ends: Mapping[int, int],
    *,
    report: Callable[[Rebuilt], None],
    per_s_max: float = inf,
) -> None:
    """The same in parallel by partition: each lane, whose stores have one namespace, takes the
    longest partition that nobody has taken yet.

    Raises what the log and the pipelines raise, in a group.
    """
    pace = _Pace(await lanes[0].store.checkpoint(), ends, report, per_s_max)
    left = deque(sorted(ends, key=lambda partition: pace.reached[partition] - ends[partition]))

    async def fill(lane: Pipeline) -> None:
        while left:
            partition = left.popleft()
            async for batch in log.read_range(partition, pace.reached[partition], ends[partition]):
                for first in range(0, len(batch), pace.batch_max):
                    taken = batch[first : first + pace.batch_max]
                    await pace.passed(await lane.take(taken))

    async with asyncio.TaskGroup() as filling:
        for lane in lanes:
            filling.create_task(fill(lane))


class _Pace:
    """How far a rebuild is, and how fast it may go."""

    def __init__(
        self,
        checkpoint: Mapping[int, int],
        ends: Mapping[int, int],
        report: Callable[[Rebuilt], None],
        per_s_max: float,
    ) -> None:
        self.reached = {one: min(checkpoint.get(one, 0), end) for one, end in ends.items()}
        self.batch_max = BATCH_MAX
        if per_s_max < inf:
            self.batch_max = max(min(BATCH_MAX, int(per_s_max * TURN_S)), 1)
        self._per_s_max = per_s_max
        self._report = report
        self._total = sum(ends.values())
        self._done = self._began_at = sum(self.reached.values())
        self._began = time.monotonic()
        self._tell()

    async def passed(self, reached: Mapping[int, int]) -> None:
        """Note what a batch has reached, and wait where that was too fast."""
        for partition, position in reached.items():
            self._done += position - self.reached[partition]
            self.reached[partition] = position
        self._tell()
        due = self._began + (self._done - self._began_at) / self._per_s_max
        await asyncio.sleep(max(due - time.monotonic(), 0))

    def _tell(self) -> None:
        elapsed_s = time.monotonic() - self._began
        self._report(Rebuilt(self._done, self._total, self._began_at, elapsed_s))
