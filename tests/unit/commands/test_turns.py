"""Turns on a stream: in the order of arrival, bounded, and nothing stays behind."""

import asyncio

import pytest

from commands.turns import Turns
from domain.errors import Conflict


async def test_they_come_in_the_order_of_arrival_one_at_a_time() -> None:
    turns, seen = Turns(), list[int]()

    async def one(number: int) -> None:
        async with turns.on("stream"):
            seen.append(number)
            await asyncio.sleep(0)
            assert seen[-1] == number

    await asyncio.gather(*map(one, range(20)))

    assert seen == list(range(20))
    assert "stream" not in turns


async def test_other_streams_wait_for_nobody() -> None:
    turns = Turns()
    async with turns.on("one"), turns.on("another"):
        assert "one" in turns
        assert "another" in turns
    assert "one" not in turns


async def test_a_turn_that_does_not_come_in_time_is_a_conflict() -> None:
    turns = Turns(wait_s=0.01)
    async with turns.on("stream"):
        with pytest.raises(Conflict):
            async with turns.on("stream"):
                raise AssertionError("two at once")
        assert "stream" in turns
    assert "stream" not in turns


async def test_who_is_cancelled_or_fails_gives_the_turn_on() -> None:
    turns = Turns()

    async def fail() -> None:
        async with turns.on("stream"):
            raise RuntimeError("a bug")

    async with turns.on("stream"):
        waiting = asyncio.create_task(fail())
        failing = asyncio.create_task(fail())
        await asyncio.sleep(0)
        waiting.cancel()
    with pytest.raises(RuntimeError):
        await failing
    assert waiting.cancelled()
    async with turns.on("stream"):
        pass
    assert "stream" not in turns
