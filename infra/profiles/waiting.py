"""Starting before the engines: wait for each, and say for which."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from domain.errors import Unavailable
from projections.projection import StoreUnavailable

RETRY_S: Final = 0.5
TOLD_EVERY: Final = 20

T = TypeVar("T")
log = logging.getLogger("starling")


async def connected(name: str, where: str, connect: Callable[[], Awaitable[T]]) -> T:
    """What `connect` gives, as soon as the engine answers."""
    attempts = 0
    while True:
        try:
            found = await connect()
        except (StoreUnavailable, Unavailable, OSError) as error:
            if attempts % TOLD_EVERY == 0:
                log.warning("Waiting for %s at %s: %s", name, where, error)
            attempts += 1
            await asyncio.sleep(RETRY_S)
            continue
        if attempts:
            log.warning("%s answers", name)
        return found
