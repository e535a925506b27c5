"""Watching which generations there are."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from infra.generations import Generation
from infra.postgresql.listening import Heard
from infra.profiles.generation_watch import GenerationWatch

WAIT_S: Final = 60.0


class Losing:
    """Whoever waits to hear of a change loses a cancellation."""

    def __init__(self) -> None:
        self.waited_for = asyncio.Event()

    async def every(self) -> Sequence[Generation]:
        return ()

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[Heard]:
        async def heard(_within_s: float) -> None:
            if not self.waited_for.is_set():
                with suppress(asyncio.CancelledError):
                    self.waited_for.set()
                    await asyncio.Event().wait()
            else:
                await asyncio.Event().wait()

        yield heard


async def test_it_ends_though_its_cancellation_was_lost() -> None:
    generations: Any = Losing()
    watching = asyncio.create_task(GenerationWatch(generations).run())
    await generations.waited_for.wait()

    watching.cancel()
    ended, _ = await asyncio.wait([watching], timeout=WAIT_S)

    watching.cancel()
    assert ended == {watching}
