"""A task that lost its cancellation."""

import asyncio
from contextlib import suppress

import pytest

from streams.cancelling import heed_cancellation


async def test_it_ends_when_it_looks() -> None:
    waits = asyncio.Event()

    async def losing() -> None:
        with suppress(asyncio.CancelledError):
            waits.set()
            await asyncio.Event().wait()
        heed_cancellation()

    task = asyncio.create_task(losing())
    await waits.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_was_not_told_to_end_goes_on() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    heed_cancellation()
