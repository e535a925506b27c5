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

from streams.costs import Costs, Estimate, Kinds, alike
from streams.feed import Fed, Feed
from streams.pipeline import Pipeline

BATCH_MAX: Final = 2_000
# How often a rebuild looks how it is to go on.
LOOK_EVERY_S: Final = 0.25
# A throttled rebuild takes batches of what it may apply in this time.
TURN_S: Final = 0.1
# What is called lately, and how often it is looked in that time.
RECENT_S: Final = 10.0
RECENT_LOOKS: Final = 10
# Before so much of it is done nobody can say how long it takes.
FORETOLD_FROM: Final = 0.1


class Rebuilt(NamedTuple):
    """How far a rebuild is: events applied of those there are, in this run after so many s without
    those in which it was paused. `foretold_s`: how long the rest takes, `recent_per_s`: events a
    second lately; where that is known."""

    done: int
    total: int
    began_at: int
    elapsed_s: float
    foretold_s: float | None = None
    paused: bool = False
    recent_per_s: float | None = None

    @property
    def per_s(self) -> float:
        """Events a second: lately, else in this run."""
        if self.recent_per_s is not None:
            return self.recent_per_s
        return (self.done - self.began_at) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float:
        """Seconds until the end; infinite before it is known."""
        if self.foretold_s is not None:
            return self.foretold_s
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


class Course(NamedTuple):
    """How to go on: at most so many events a second, or not at all for now."""

    per_s_max: float = inf
    paused: bool = False


class Cancelled(Exception):
    """A rebuild is to stop for good."""


class Helm(Protocol):
    """Who steers a rebuild while it runs."""

    async def course(self, rebuilt: Rebuilt) -> Course:
        """How to go on from here. Asked some times a second. Raises Cancelled."""


class StraightOn:
    """Steers nothing."""

    async def course(self, rebuilt: Rebuilt) -> Course:
        """See `Helm.course`."""
        del rebuilt
        return Course()


class Outlook(NamedTuple):
    """What is known about the events ahead, to tell how long they take."""

    kinds: Kinds = alike
    is_wanted: Callable[[str], bool] = bool


STRAIGHT_ON: Final = StraightOn()
UNKNOWN: Final = Outlook()


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
    helm: Helm = STRAIGHT_ON,
    outlook: Outlook = UNKNOWN,
) -> None:
    """Apply every event up to `ends`, partition -> position, as the helm says.

    Raises Paused, Cancelled.
    """
    pace = _Pace(await pipeline.checkpoint(), ends, report, helm, outlook)
    await pace.begin()
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
    helm: Helm = STRAIGHT_ON,
    outlook: Outlook = UNKNOWN,
) -> None:
    """The same in parallel by partition: each lane, whose stores have one namespace, takes the
    longest partition that nobody has taken yet.

    Raises Cancelled, and what the log or a pipeline raised first.
    """
    checkpoint = await lanes[0].checkpoint()
    pace = _Pace(checkpoint, ends, report, helm, outlook, lanes=len(lanes))
    left = deque(sorted(ends, key=lambda partition: pace.reached[partition] - ends[partition]))
    await pace.begin()

    async def fill(lane: Pipeline) -> None:
        while left:
            partition = left.popleft()
            async for batch in log.read_range(partition, pace.reached[partition], ends[partition]):
                left_of_it = batch
                while left_of_it:
                    # The pace may have changed since the part before.
                    taken = left_of_it[: pace.batch_max]
                    left_of_it = left_of_it[len(taken) :]
                    await pace.passed(await lane.take(taken))

    try:
        async with asyncio.TaskGroup() as filling:
            for lane in lanes:
                filling.create_task(fill(lane))
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


class _Pace:
    """How far a rebuild is, and how fast it may go."""

    def __init__(
        self,
        checkpoint: Mapping[int, int],
        ends: Mapping[int, int],
        report: Callable[[Rebuilt], None],
        helm: Helm,
        outlook: Outlook,
        *,
        lanes: int = 1,
    ) -> None:
        self._lanes = lanes
        self.reached = {one: min(checkpoint.get(one, 0), end) for one, end in ends.items()}
        self.batch_max = BATCH_MAX
        self._helm = helm
        self._report = report
        self._total = sum(ends.values())
        self._done = self._began_at = sum(self.reached.values())
        self._estimate = Estimate(ends, outlook.kinds, Costs(outlook.is_wanted))
        self._course = Course()
        self._look_at = self._began = time.monotonic()
        # In all: how long it was paused, and how long it waited for its pace.
        self._stood_s = self._held_s = 0.0
        # From where the pace that holds now is counted.
        self._since, self._since_done = self._began, self._done
        self._recent = deque([(0.0, self._done)], RECENT_LOOKS)

    async def begin(self) -> None:
        """Tell how far it is, and return once it is to go on. Raises Cancelled."""
        await self._look()
        self._tell()
        await self.obey()

    async def passed(self, reached: Mapping[int, int]) -> None:
        """Note what a batch has reached, and wait where that was too fast. Raises Cancelled."""
        for partition, position in reached.items():
            self._done += position - self.reached[partition]
            self.reached[partition] = position
        self._tell()
        await self.obey()

    async def obey(self) -> None:
        """Return once it is to go on. Raises Cancelled."""
        while True:
            await self._look()
            if self._course.paused:
                wait_s = LOOK_EVERY_S
            else:
                due = self._since + (self._done - self._since_done) / self._course.per_s_max
                wait_s = due - time.monotonic()
            began = self._elapsed_s()
            await asyncio.sleep(min(max(wait_s, 0), LOOK_EVERY_S))
            if wait_s <= 0:
                return
            self._held_s += (self._elapsed_s() - began) / self._lanes

    async def _look(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        course = await self._helm.course(self._rebuilt())
        if course != self._course:
            self._turn_to(course)

    def _turn_to(self, course: Course) -> None:
        now = time.monotonic()
        if self._course.paused:
            self._stood_s += now - self._since
        self._since, self._since_done = now, self._done
        self._recent.clear()
        self._recent.append((self._elapsed_s(), self._done))
        self._course = course
        self.batch_max = BATCH_MAX
        if course.per_s_max < inf:
            self.batch_max = max(min(BATCH_MAX, int(course.per_s_max * TURN_S)), 1)
        self._tell()

    def _elapsed_s(self) -> float:
        now = self._since if self._course.paused else time.monotonic()
        return now - self._began - self._stood_s

    def _rebuilt(self) -> Rebuilt:
        elapsed_s, per_s_max = self._elapsed_s(), self._course.per_s_max
        left_s = self._estimate.left_s(elapsed_s)
        from_s, from_done = self._recent[0]
        over_s = elapsed_s - from_s
        if per_s_max < inf:
            left_s = max(left_s or 0.0, (self._total - self._done) / per_s_max)
        return Rebuilt(
            self._done,
            self._total,
            self._began_at,
            elapsed_s,
            left_s,
            self._course.paused,
            (self._done - from_done) / over_s if over_s >= RECENT_S / RECENT_LOOKS else None,
        )

    def _tell(self) -> None:
        elapsed_s = self._elapsed_s()
        self._estimate.note(self.reached, elapsed_s, held_s=self._held_s)
        if elapsed_s - self._recent[-1][0] >= RECENT_S / RECENT_LOOKS:
            self._recent.append((elapsed_s, self._done))
        self._report(self._rebuilt())
