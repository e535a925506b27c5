"""What a serving process does when another generation is to answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from domain.errors import ProjectionBehind
from domain.topics import Place
from infra.generations import Generation
from infra.postgresql.generations import PostgresqlGenerations
from infra.profiles import generation_watch
from infra.profiles.cluster_generations import ClusterGenerations
from infra.profiles.cluster_swaps import ClusterSwaps
from infra.profiles.generation_watch import GenerationWatch
from projections.projection import Projection, StoreUnavailable
from projections.stores import Stores
from streams.polled_progress import PolledProgress
from streams.registry import joined

TWEETS = Place("new_tweet", 0).number
TREND_TOKEN = {"new_tweet/0": 5}


class Store:
    def __init__(self) -> None:
        self.reached = {TWEETS: 5}
        self.is_down = False

    async def checkpoint(self) -> dict[int, int]:
        if self.is_down:
            raise StoreUnavailable
        return dict(self.reached)


class Rows:
    """As PostgreSQL has them."""

    def __init__(self) -> None:
        self.rows: Sequence[Generation] = ()

    async def every(self) -> Sequence[Generation]:
        return list(self.rows)

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
        """Nothing, but time passes."""
        yield asyncio.sleep


class Process:
    """One that serves."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.stores: dict[tuple[str, int], Store] = {}
        watch = GenerationWatch(cast("PostgresqlGenerations", self.rows))
        self.generations = ClusterGenerations(cast("ClusterSwaps", None), watch, self.opened)

    async def opened(self, projection: Projection, *, generation: int) -> Any:
        return self.stores.setdefault((projection.name, generation), Store())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Process"]:
        self.views = Stores(**await self.generations.open_live())
        self.progress = PolledProgress(joined(self.views), self.nowhere)
        async with self.generations.following(self.views, self.progress):
            yield self

    async def nowhere(self, stream: str, version: int) -> None:
        return None

    def store(self, number: int) -> Store:
        return self.stores["trends", number]

    def see(self, *states: Any) -> None:
        self.rows.rows = [
            Generation("trends", 1, number, state) for number, state in enumerate(states, 1)
        ]

    async def until_answering(self, number: int) -> None:
        async with asyncio.timeout(30):
            while self.generations.number("trends") != number:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    monkeypatch.setattr(generation_watch, "LOOK_EVERY_S", 0.01)
    async with Process().serving() as process:
        yield process


async def test_the_generation_that_the_row_names_answers(process: Process) -> None:
    process.see("kept", "live")
    await process.until_answering(2)

    assert process.views.trends is cast("Any", process.store(2))
    process.see("live", "kept")
    await process.until_answering(1)
    assert process.views.trends is cast("Any", process.store(1))


async def test_it_does_not_answer_before_it_has_what_was_told_here(process: Process) -> None:
    behind = process.stores["trends", 2] = Store()
    behind.reached = {TWEETS: 4}
    await process.progress.reached(["trends"], TREND_TOKEN, 30.0)

    process.see("kept", "live")
    await asyncio.sleep(0.2)
    assert process.generations.number("trends") == 1

    behind.reached = {TWEETS: 5}
    await process.until_answering(2)
    with pytest.raises(ProjectionBehind):
        await process.progress.reached(["trends"], {"new_tweet/0": 6}, 0.0)


async def test_an_outage_is_waited_for(process: Process) -> None:
    down = process.stores["trends", 2] = Store()
    down.is_down = True
    process.see("kept", "live")
    await asyncio.sleep(0.2)
    assert process.generations.number("trends") == 1

    down.is_down = False

    await process.until_answering(2)
