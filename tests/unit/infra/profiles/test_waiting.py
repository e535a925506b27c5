"""Waiting for engines says for which, and why, until they answer."""

import asyncio

from infra.profiles.waiting import connected, noting
from projections.projection import StoreUnavailable


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
