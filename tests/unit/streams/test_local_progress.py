"""Reads that wait for projections of their own process."""

import asyncio

import pytest

from domain.errors import ProjectionBehind
from domain.positions import EMBEDDED_LOG
from streams.local_progress import LocalProgress, Status

NAMES = ("home_timelines", "post_cards")
PATIENT_S = 30.0


async def turns() -> None:
    """Let whoever can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def reading(progress: LocalProgress, position: int) -> "asyncio.Task[None]":
    """A read that needs everything up to a position."""
    reached = progress.reached(NAMES, {EMBEDDED_LOG: position}, PATIENT_S)
    return asyncio.ensure_future(reached)


async def test_a_read_waits_for_every_projection_that_it_needs() -> None:
    progress = LocalProgress(NAMES)
    read = reading(progress, 2)

    progress.advance(NAMES[0], 2)
    await turns()
    assert not read.done()
    progress.advance(NAMES[1], 3)

    await read


async def test_a_read_that_waits_for_a_generation_waits_for_the_one_that_is_swapped_in() -> None:
    progress = LocalProgress(NAMES)
    progress.advance(NAMES[1], 2)
    read, new = reading(progress, 2), Status(NAMES[0])
    await turns()

    before = progress.swap(new)
    progress.reach(before, 2)
    await turns()
    assert not read.done()
    progress.reach(new, 2)

    await read


async def test_who_does_not_want_to_wait_is_told_what_is_behind() -> None:
    progress = LocalProgress(NAMES)
    progress.advance(NAMES[1], 2)

    with pytest.raises(ProjectionBehind, match=NAMES[0]):
        await progress.reached(NAMES, {EMBEDDED_LOG: 1}, 0)
