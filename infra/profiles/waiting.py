"""Starting before the engines: wait for each, and say for which."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from domain.errors import Unavailable
from projections.projection import StoreUnavailable

RETRY_S: Final = 0.5
TOLD_EVERY: Final = 20

T = TypeVar("T")
_noted: Final[ContextVar[dict[str, str]]] = ContextVar("awaited engines", default={})  # noqa: B039 - of who asks nobody
log = logging.getLogger("starling")


async def connected(name: str, where: str, connect: Callable[[], Awaitable[T]]) -> T:
    """What `connect` gives, as soon as the engine answers."""
    noted = _noted.get()
    noted[name] = where
    attempts = 0
    try:
        while True:
            try:
                found = await connect()
            except (StoreUnavailable, Unavailable, OSError) as error:
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
