"""What workers tell of themselves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from domain.topics import Place
from infra.worker_desk import Desk
from projections.projection import Projection, StoreUnavailable
from streams.dead_letters import Build
from streams.envelope import Codec
from streams.faust.worker import Worker
from tests.golden_events import GoldenKeyring

HERE, THERE = Place("new_tweet", 0), Place("new_tweet", 1)
TRENDS = Build("trends", 2, 1)
NOW_MS = 5_000


class Letters:
    """Dead letters that can be counted, unless they are away."""

    def __init__(self) -> None:
        self.away = False

    async def counts(self) -> Mapping[Build, int]:
        if self.away:
            raise StoreUnavailable
        return {TRENDS: 3}


@dataclass
class AtWork:
    """A worker, as the desk sees it."""

    build: Build = TRENDS
    positions: Mapping[int, int] = field(default_factory=lambda: {HERE.number: 7, THERE.number: 2})
    heads: Mapping[int, int] = field(default_factory=lambda: {HERE.number: 9, THERE.number: 2})
    waiting_since_ms: int | None = 3_000
    stalled_by: str | None = None
    ready: bool = True


class Copies:
    gaps: Mapping[Place, str] = {}


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def desk(letters: Letters) -> Desk:
    return Desk(letters, lambda: NOW_MS, expected=["trends"])


def at_work(desk: Desk, **said: Any) -> Any:
    return desk.at_work(cast("Worker", AtWork(**said)))


async def said(desk: Desk, name: str) -> list[str]:
    lines = (await desk.exposition()).decode().splitlines()
    return [line for line in lines if line.startswith(f"starling_{name}")]


async def test_it_is_ready_once_every_projection_has_a_worker_that_reads(desk: Desk) -> None:
    states = [(await desk.parts())[0].state]
    with at_work(desk, ready=False):
        states.append((await desk.parts())[0].state)
    with at_work(desk):
        states.append((await desk.parts())[0].state)

    assert states == ["down", "down", "up"]


async def test_while_engines_are_waited_for_it_says_for_which(letters: Letters) -> None:
    awaited: dict[str, str] = {}
    desk = Desk(None, lambda: NOW_MS, expected=[], awaited=awaited)
    told = [(await desk.parts())[0]]
    awaited["Kafka"] = "127.0.0.1:1: Connection refused"
    told.append((await desk.parts())[0])
    awaited.clear()
    desk.begin(letters)
    told.append((await desk.parts())[0])

    assert [(one.state, one.detail) for one in told] == [
        ("down", "Starting"),
        ("down", "Waiting for Kafka at 127.0.0.1:1: Connection refused"),
        ("up", ""),
    ]


async def test_how_far_behind_it_is_shows_by_partition(desk: Desk) -> None:
    with at_work(desk):
        (status,) = await desk.status()
        lags = await said(desk, "worker_partition_lag_events")

    assert (status.position, status.head, status.lag_events, status.lag_s) == (9, 11, 2, 2.0)
    assert status.dead_letters == 3
    labels = 'generation="1",partition="new_tweet/{}",projection="trends"'
    assert set(lags) == {
        f"starling_worker_partition_lag_events{{{labels.format(0)}}} 2.0",
        f"starling_worker_partition_lag_events{{{labels.format(1)}}} 0.0",
    }
    assert await said(desk, "worker_partition_lag_events") == []


async def test_of_several_generations_the_one_furthest_behind_is_told(desk: Desk) -> None:
    newer = Build("trends", 2, 2)
    with at_work(desk), at_work(desk, build=newer, positions={}):
        (status,) = await desk.status()

    assert (status.generation, status.lag_events) == (2, 11)


async def test_that_dead_letters_cannot_be_counted_hides_nothing_else(
    desk: Desk, letters: Letters
) -> None:
    letters.away = True
    with at_work(desk):
        (status,) = await desk.status()

    assert (status.lag_events, status.dead_letters) == (2, 0)


async def test_gaps_of_the_archive_show(desk: Desk) -> None:
    desk.archive = copies = Copies()
    before = await said(desk, "archive_gaps")
    copies.gaps = {HERE: "new_tweet/0 behind 7"}

    assert [*before, *await said(desk, "archive_gaps")] == [
        "starling_archive_gaps 0.0",
        "starling_archive_gaps 1.0",
    ]
    assert ("archive", "degraded") in [(part.name, part.state) for part in await desk.parts()]


class Store:
    """A store whose checkpoint may be set."""

    def __init__(self) -> None:
        self.at: Mapping[int, int] = {HERE.number: 7}

    async def claim(self, partitions: Collection[int]) -> None:
        """It has no others to refuse."""

    async def checkpoint(self) -> Mapping[int, int]:
        return self.at


async def test_a_checkpoint_that_goes_back_is_counted(desk: Desk) -> None:
    store: Any = Store()
    nothing = Projection("trends", 2, frozenset(), lambda _batch: ())
    letters: Any = None
    codec = Codec(GoldenKeyring())
    worker = Worker(nothing, store, letters, codec, "127.0.0.1:1", observer=desk.metrics)
    await worker.offsets([])
    store.at = {HERE.number: 9}
    await worker.offsets([])
    before = await said(desk, "worker_checkpoint_regressions_total")

    store.at = {HERE.number: 8}
    await worker.offsets([])

    assert before == []
    assert await said(desk, "worker_checkpoint_regressions_total") == [
        'starling_worker_checkpoint_regressions_total{projection="trends"} 1.0'
    ]
