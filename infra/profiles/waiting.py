"""Waiting for engines that are away, and saying for which."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from contextvars import ContextVar
from typing import Final, TypeVar

from domain.errors import Unavailable
from projections.projection import StoreUnavailable

RETRY_S: Final = 0.5
TOLD_EVERY: Final = 20
OUTAGES: Final = (StoreUnavailable, Unavailable, OSError)

T = TypeVar("T")
_noted: Final[ContextVar[dict[str, str]]] = ContextVar("awaited engines", default={})  # noqa: B039 - of who asks nobody
log = logging.getLogger("starling")


async def connected(
    name: str,
    where: str,
    connect: Callable[[], Awaitable[T]],
    *,
    outages: tuple[type[Exception], ...] = OUTAGES,
) -> T:
    """What `connect` gives, as soon as the engine answers: it is called again after each of these
    `outages`, which may have come when its work was done."""
    noted = _noted.get()
    noted[name] = where
    attempts = 0
    try:
        while True:
            try:
                found = await connect()
            except outages as error:
                noted[name] = f"{where}: {error}"
                if attempts % TOLD_EVERY == 0:
                    log.warning("Waiting for %s at %s: %s", name, where, error)
                attempts += 1
                await asyncio.sleep(RETRY_S)
                continue
            if attempts:
                log.warning("%s answers", name)
            return found
    finally:
        noted.pop(name, None)


@asynccontextmanager
async def entered(
    name: str, where: str, enter: Callable[[], AbstractAsyncContextManager[T]]
) -> AsyncIterator[T]:
    """Within the context that `enter` makes, as soon as the engine answers."""
    async with AsyncExitStack() as held:
        yield await connected(name, where, lambda: held.enter_async_context(enter()))


class Standstill:
    """Says why work stands still that tries again by itself; now and then, however often it is
    told."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_until = clock()

    def told(self, name: str, error: Exception) -> None:
        """What waits, and for what."""
        now = self._clock()
        if now >= self._said_until:
            self._said_until = now + TOLD_EVERY * RETRY_S
            log.warning("%s waits: %s", name, error)


@contextmanager
def noting() -> Iterator[Mapping[str, str]]:
    """Which engines are waited for now, within the context and by tasks that are started in it: by
    name, where they are and why they do not answer."""
    awaited: dict[str, str] = {}
    token = _noted.set(awaited)
    try:
        yield awaited
    finally:
        _noted.reset(token)
