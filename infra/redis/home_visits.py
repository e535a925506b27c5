"""Readers whose homes should be kept ready, noted while they read and served by a task beside."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from domain.ids import AccountId

# So many are built at once: Redis has others to serve too.
AT_ONCE: Final = 4


class Visits:
    """Hands noted readers to `serve`, a few at a time."""

    def __init__(self, serve: Callable[[AccountId], Awaitable[None]]) -> None:
        self._serve = serve
        self._serving: dict[AccountId, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def note(self, reader_id: AccountId) -> None:
        """This reader reads now. Returns at once."""
        if reader_id not in self._serving:
            task = asyncio.create_task(self._serve_in_turn(reader_id))
            self._serving[reader_id] = task
            task.add_done_callback(lambda _: self._serving.pop(reader_id, None))

    async def wait(self) -> None:
        """Return when every reader noted before has been served."""
        await asyncio.gather(*self._serving.values())

    async def close(self) -> None:
        """Stop serving: they will read again."""
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _serve_in_turn(self, reader_id: AccountId) -> None:
        async with self._slots:
            await self._serve(reader_id)
