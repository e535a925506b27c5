"""Waiting for engines says for which, and why, until they answer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.errors import Unavailable
from infra.profiles import waiting as engines
from infra.profiles.waiting import Standstill, connected, entered, noting
from projections.projection import StoreUnavailable
from tests.clock import Clock


class Engine:
    """Answers once it is up."""

    def __init__(self) -> None:
        self.up = False
        self.asked = asyncio.Event()

    async def connect(self) -> str:
        self.asked.set()
        if not self.up:
            raise StoreUnavailable("nobody listens")
        return "connected"


async def test_what_is_waited_for_is_noted_until_it_answers() -> None:
    engine = Engine()
    with noting() as awaited:
        waiting = asyncio.create_task(connected("Redis", "127.0.0.1:1", engine.connect))
        await engine.asked.wait()
        await asyncio.sleep(0)
        during = dict(awaited)
        engine.up = True

        assert await waiting == "connected"
        assert during == {"Redis": "127.0.0.1:1: nobody listens"}
        assert awaited == {}


async def test_who_is_cancelled_waits_for_nothing() -> None:
    with noting() as awaited:
        waiting = asyncio.create_task(connected("Redis", "127.0.0.1:1", Engine().connect))
        await asyncio.sleep(0)
        assert list(awaited) == ["Redis"]
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        assert awaited == {}


async def test_nobody_has_to_ask() -> None:
    engine = Engine()
    engine.up = True

    assert await connected("Redis", "127.0.0.1:1", engine.connect) == "connected"


async def test_a_context_is_made_anew_until_it_can_be_entered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "RETRY_S", 0.0)
    steps: list[str] = []

    @asynccontextmanager
    async def lock() -> AsyncIterator[str]:
        steps.append("asked")
        if len(steps) < 3:
            raise StoreUnavailable("nobody listens")
        yield "held"
        steps.append("left")

    async with entered("PostgreSQL", "127.0.0.1:1", lock) as found:
        steps.append(found)

    assert steps == ["asked", "asked", "asked", "held", "left"]


async def test_only_what_is_called_an_outage_is_waited_for() -> None:
    async def late() -> None:
        raise Unavailable("no worker came")

    async with asyncio.timeout(30):
        with pytest.raises(Unavailable):
            await connected("the swap", "trends", late, outages=(StoreUnavailable,))


def test_why_work_stands_still_is_said_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    standstill = Standstill(clock)
    with caplog.at_level(logging.WARNING, "starling"):
        for clock.now in (0.0, 1.0, 9.9, 10.0, 11.0):
            standstill.told("trends", StoreUnavailable(f"away for {clock.now:g} s"))

    assert [record.getMessage() for record in caplog.records] == [
        "trends waits: away for 0 s",
        "trends waits: away for 10 s",
    ]
