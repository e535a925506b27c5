"""Turns: commands of this process that want the same stream decide on it one after the other.

Who comes while another one records on the stream waits for it, and decides on what it left. So
within a process nobody loses, however many they are; other processes are met once per turn.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from domain.errors import Conflict

TURN_WAIT_S: Final = 20.0


class Turns:
    """Who decides next, for each stream that several want to change. Used on one event loop."""

    def __init__(self, *, wait_s: float = TURN_WAIT_S) -> None:
        self._wait_s = wait_s
        self._locks: dict[str, asyncio.Lock] = {}
        self._present: dict[str, int] = {}

    def __contains__(self, stream: str) -> bool:
        return stream in self._locks

    @asynccontextmanager
    async def on(self, stream: str) -> AsyncIterator[None]:
        """The stream is this command's to decide on as long as the context lasts, in the order of
        arrival. Raises Conflict if its turn does not come in time."""
        lock = self._locks.setdefault(stream, asyncio.Lock())
        self._present[stream] = self._present.get(stream, 0) + 1
        try:
            await self._acquire(lock)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._present[stream] -= 1
            if not self._present[stream]:
                del self._present[stream], self._locks[stream]

    async def _acquire(self, lock: asyncio.Lock) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await lock.acquire()
        except TimeoutError as error:
            raise Conflict from error
