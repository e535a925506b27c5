"""Applies a part of the log again to a store that is beyond it: what it lost comes back.

That is safe while the store answers and follows the log, since neither order nor repetition makes
a difference to what it says. Its checkpoint stays where it is.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from itertools import groupby
from math import inf
from typing import Any, Final, NamedTuple, Protocol

from domain.events import Event, Recorded
from projections.projection import Projection, Store
from streams.answers.concerned import LOOKED_AT, Concerned, Part
from streams.answers.keys import Known
from streams.answers.questions import QUESTIONS
from streams.answers.set_aside import SetAside
from streams.dead_letters import Parked
from streams.feed import Feed, SelectiveFeed
from streams.pipeline import Pipeline
from streams.rebuild import TURN_S

# Positions of which the events are read at once.
READ_MAX: Final = 2_000
# What a store gets at once: whoever follows the log in the same process waits for it.
BATCH_MAX: Final = 500

Positions = Mapping[int, int]
Stalled = Callable[[str, Exception], None]


class Looked(NamedTuple):
    """So many of the log's events were looked at, and so many of them are selected."""

    done: int
    total: int
    selected: int


Report = Callable[[Looked], None]


class Taken(NamedTuple):
    """How many events were applied, and those that could not be."""

    applied: int
    failed: Sequence[Parked]


class Sink(Protocol):
    """Where events are applied again."""

    async def take(self, batch: Sequence[Recorded]) -> Taken:
        """Apply those of them that the store has passed: the others come by themselves.

        Raises Paused, Unavailable.
        """


class StoreSink:
    """A store of this process. Implements `Sink`."""

    def __init__(self, projection: Projection, store: Store[Any], stalled: Stalled) -> None:
        self._projection = projection
        self._store = store
        self._stalled = stalled

    async def take(self, batch: Sequence[Recorded]) -> Taken:
        """See `Sink.take`."""
        reached = await self._store.checkpoint()
        passed = [one for one in batch if one.position <= reached.get(one.partition, 0)]
        # What is parked as a dead letter is none of ours.
        letters = SetAside()
        pipeline = Pipeline(self._projection, self._store, letters, stalled=self._stalled)
        if passed:
            await pipeline.take(passed)
        return Taken(len(passed) - len(letters.parked), letters.parked)


class Selected:
    """The events of a part of the log that a projection wants, in batches. `known` is what those
    name that came so far."""

    def __init__(
        self,
        projection: Projection,
        feed: SelectiveFeed,
        ends: Positions,
        part: Part,
        report: Report,
    ) -> None:
        kinds = {question.kind for question in QUESTIONS[projection.name]}
        self.known = Known(kinds)
        self._projection = projection
        self._feed = feed
        self._ends = {
            one: end for one, end in ends.items() if not part.partitions or one in part.partitions
        }
        self._all_ends = ends if part.is_about_something else {}
        self._concerned = Concerned(part, kinds)
        self._report = report
        self._done = 0
        self._total = sum(self._ends.values()) + sum(self._all_ends.values())
        self._selected = 0

    async def batches(self) -> AsyncIterator[Sequence[Recorded]]:
        """Each is to be done with before the next one is taken. Raises Unavailable."""
        async for read in self._read(self._all_ends, LOOKED_AT):
            for recorded in read:
                self._concerned.look(recorded.event)
        async for read in self._read(self._ends, self._projection.events):
            kept = [one for one in read if self._concerned.takes(one)]
            for one in kept:
                self.known.note(one.event)
            if kept:
                yield kept
            self._selected += len(kept)

    async def _read(
        self, ends: Positions, types: Collection[type[Event]]
    ) -> AsyncIterator[Sequence[Recorded]]:
        for partition, end in ends.items():
            for after in range(0, end, READ_MAX):
                until = min(after + READ_MAX, end)
                yield await self._feed.read_types(partition, after, until, types)
                self._done += until - after
                self._report(Looked(self._done, self._total, self._selected))


async def reapply(selected: Selected, sink: Sink, *, per_s_max: float = inf) -> Taken:
    """Apply them, at most so many a second. Raises Paused, Unavailable."""
    applied, given, began = 0, 0, time.monotonic()
    failed: list[Parked] = []
    at_once = max(min(BATCH_MAX, int(per_s_max * TURN_S)), 1) if per_s_max < inf else BATCH_MAX
    async for batch in selected.batches():
        for first in range(0, len(batch), at_once):
            taken = await sink.take(batch[first : first + at_once])
            applied += taken.applied
            failed += taken.failed
            given += at_once
            await asyncio.sleep(max(began + given / per_s_max - time.monotonic(), 0))
    return Taken(applied, failed)


async def events_at(feed: Feed, partition: int, positions: Sequence[int]) -> list[Recorded]:
    """The events of a log that are at these positions, which are in order and can be read.

    Raises Unavailable.
    """
    found: list[Recorded] = []
    for _, run in groupby(enumerate(positions), key=lambda one: one[1] - one[0]):
        places = [place for _, place in run]
        for fed in await feed.read(partition, places[0] - 1, len(places)):
            if isinstance(fed, Recorded):
                found.append(fed)
    return found
