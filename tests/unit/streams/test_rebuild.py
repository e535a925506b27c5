"""A rebuild that is told, while it runs, how to go on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

import pytest

from domain.events import Recorded
from projections.projection import Projection, StoreUnavailable
from streams import pipeline as pipelines
from streams.dead_letters import Build, DeadLetters
from streams.feed import Fed
from streams.pipeline import Pipeline
from streams.rebuild import (
    Cancelled,
    Course,
    Helm,
    Rebuilt,
    rebuild,
    rebuild_in_lanes,
)
from tests import facts

EVENTS = 60
NOTHING = Projection("nothing", 1, frozenset(), lambda _: ())


class Store:
    """Keeps how far it is. `outages` come before it says so."""

    def __init__(self) -> None:
        self.reached: dict[int, int] = {}
        self.taken: list[int] = []
        self.outages = 0

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        del operations
        for partition, position in checkpoint.items():
            assert position > self.reached.get(partition, 0)
            self.reached[partition] = position
        self.taken.append(sum(self.reached.values()))

    async def checkpoint(self) -> Mapping[int, int]:
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("it is away")
        return dict(self.reached)


class NoLetters:
    """Nothing was ever parked."""

    async def keys(self, build: Build) -> frozenset[int]:
        del build
        return frozenset()


class Log:
    """So many events in each of its partitions."""

    partitions = (0, 1)

    def __init__(self) -> None:
        self.events = facts.recorded([facts.tweet("ada") for _ in range(EVENTS)])

    def head(self, partition: int) -> int:
        del partition
        return EVENTS

    async def wait(self, partition: int, after: int) -> None:
        raise NotImplementedError

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Recorded]:
        return [one._replace(partition=partition) for one in self.events[after : after + limit]]

    async def read_range(
        self, partition: int, after: int, until: int
    ) -> AsyncIterator[Sequence[Fed]]:
        yield await self.read(partition, after, until - after)


class Told:
    """Is asked for the course, and answers with one after the other, then with the last."""

    def __init__(self, *courses: Course | type[Cancelled]) -> None:
        self._courses = list(courses)
        self.asked: list[Rebuilt] = []

    async def course(self, rebuilt: Rebuilt) -> Course:
        self.asked.append(rebuilt)
        course = self._courses.pop(0) if len(self._courses) > 1 else self._courses[0]
        if isinstance(course, Course):
            return course
        raise course


def pipeline(store: Store) -> Pipeline:
    letters = cast("DeadLetters", NoLetters())
    return Pipeline(NOTHING, store, letters, stalled=lambda _name, _error: None)


async def one_after_the_other(store: Store, helm: Helm, report: Callable[[Rebuilt], None]) -> None:
    await rebuild(pipeline(store), Log(), {0: EVENTS, 1: EVENTS}, helm=helm, report=report)


async def in_lanes(store: Store, helm: Helm, report: Callable[[Rebuilt], None]) -> None:
    lanes = [pipeline(store) for _ in range(2)]
    await rebuild_in_lanes(lanes, Log(), {0: EVENTS, 1: EVENTS}, helm=helm, report=report)


BOTH = pytest.mark.parametrize("rebuilding", [one_after_the_other, in_lanes])


@BOTH
async def test_while_it_is_paused_nothing_is_applied_and_no_time_passes(rebuilding: Any) -> None:
    store, reports = Store(), list[Rebuilt]()
    helm = Told(Course(paused=True), Course(paused=True), Course())

    await rebuilding(store, helm, reports.append)

    paused = [one for one in (*reports, *helm.asked) if one.paused]
    assert {one.done for one in paused} == {0}
    assert len({one.elapsed_s for one in paused}) == 1
    assert reports[-1][:3] == (2 * EVENTS, 2 * EVENTS, 0)
    assert store.reached == {0: EVENTS, 1: EVENTS}


@BOTH
async def test_a_pace_that_changes_holds_from_then_on(rebuilding: Any) -> None:
    """At first a few a tenth of a second, then without a limit."""
    store, reports = Store(), list[Rebuilt]()

    # Who was away for long may catch up with its pace, but looks before how it is to go on.
    await rebuilding(store, Told(Course(50), Course()), reports.append)

    batches = [after - before for before, after in pairwise([0, *store.taken])]
    assert batches[0] == 5
    assert max(batches) > 5
    assert store.reached == {0: EVENTS, 1: EVENTS}


@BOTH
async def test_a_cancelled_one_ends_where_it_is_and_could_go_on(rebuilding: Any) -> None:
    store = Store()

    with pytest.raises(Cancelled):
        await rebuilding(store, Told(Course(50), Cancelled), lambda _: None)
    assert 0 < sum(store.reached.values()) < 2 * EVENTS
    await rebuilding(store, Told(Course()), lambda _: None)

    assert store.reached == {0: EVENTS, 1: EVENTS}


@BOTH
async def test_a_store_that_is_away_at_the_beginning_is_waited_for(
    rebuilding: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "RETRY_FIRST_S", 0.0)
    store, reports = Store(), list[Rebuilt]()
    await rebuilding(store, Told(Course()), lambda _: None)
    store.outages = 3

    await rebuilding(store, Told(Course()), reports.append)

    assert store.outages == 0
    assert {one[:3] for one in reports} == {(2 * EVENTS, 2 * EVENTS, 2 * EVENTS)}


async def test_who_is_told_to_pause_while_it_waits_for_its_pace_does_not_wait_to_the_end() -> None:
    store, reports = Store(), list[Rebuilt]()
    helm = Told(Course(0.01), Course(paused=True), Cancelled)

    async with asyncio.timeout(30):
        with pytest.raises(Cancelled):
            await one_after_the_other(store, helm, reports.append)

    assert reports[-1].paused
    assert reports[-1].done == 1
