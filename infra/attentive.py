"""Time-outs that count what others take, and not what we take ourselves.

A busy event loop comes late to its timers, and looks for answers only after them. So half a second
in which the loop is away would be an outage of everything that was asked for less: callers turn to
what costs more, the loop is busier still, and the process falls over. Here time counts only where
the loop was there to hear: a wait ends after a number of looks, each a while after the one before,
and between two of them the loop takes whatever has come.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

LOOKS: Final = 10


class Watch:
    """Calls `ended` after so many `seconds` of attention, unless it is stopped before."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, ended: Callable[[], object]
    ) -> None:
        self._loop = loop
        self._between_s = seconds / LOOKS
        self._ended = ended
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_on(self) -> bool:
        return self._timer is not None

    def start(self) -> None:
        """Count from now."""
        self.stop()
        self._left = LOOKS
        self._timer = self._loop.call_later(self._between_s, self._look)

    def heard(self) -> None:
        """Count from now, if it counts: costs nothing."""
        self._left = LOOKS

    def stop(self) -> None:
        """Do not call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._left -= 1
        if self._left > 0:
            self._timer = self._loop.call_later(self._between_s, self._look)
            return
        self._timer = None
        self._ended()


class attentive_timeout:  # noqa: N801 - used as asyncio.timeout is
    """As `asyncio.timeout`, for so many seconds in which the loop would have heard an answer."""

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        self._watch = Watch(loop, seconds, lambda: self._limit.reschedule(loop.time()))

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._watch.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._watch.stop()
        await self._limit.__aexit__(kind, error, where)
