"""What was asked for about dead letters, looked up once for all workers of a process.

Each worker asks every second, and next to never there is anything.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Final, Protocol

from streams.dead_letters import Asked, Build, DeadLetters, Parked

LOOK_EVERY_S: Final = 0.9


class AskedOfAll(DeadLetters, Protocol):
    """Dead letters that can tell at once what was asked for."""

    async def asked_of_all(self) -> Mapping[Build, Sequence[Asked]]:
        """As `asked`, of every build of which anything was. Raises StoreUnavailable."""


class AskedTogether:
    """Implements `streams.dead_letters.DeadLetters`: `asked` is at most so many seconds old, and
    never older than what was answered here."""

    def __init__(
        self,
        letters: AskedOfAll,
        *,
        every_s: float = LOOK_EVERY_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._letters = letters
        self._every_s = every_s
        self._clock = clock
        self._asked: Mapping[Build, Sequence[Asked]] = {}
        self._looked_at = -inf
        self._looking = asyncio.Lock()
        self.park = letters.park
        self.keys = letters.keys
        self.queue_of = letters.queue_of

    async def asked(self, build: Build) -> Sequence[Asked]:
        """See `DeadLetters.asked`."""
        async with self._looking:
            began = self._clock()
            if began - self._looked_at >= self._every_s:
                self._looked_at = began
                try:
                    self._asked = await self._letters.asked_of_all()
                except BaseException:
                    self._looked_at = -inf
                    raise
            return self._asked.get(build, ())

    async def drop(self, letter: Parked) -> None:
        """See `DeadLetters.drop`."""
        await self._letters.drop(letter)
        self._looked_at = -inf

    async def keep(self, letter: Parked, error: str) -> None:
        """See `DeadLetters.keep`."""
        await self._letters.keep(letter, error)
        self._looked_at = -inf
