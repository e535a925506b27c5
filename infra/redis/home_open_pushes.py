"""Posts to very many followers, pushed in slices beside everything else.

They are noted in Redis before the checkpoint passes them, with how far each came, so whoever opens
the store next goes on with them. Until one is done pages show it to every follower all the same
(`home_page.lua`).
"""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Final

from infra.redis.scripts import Scripts
from projections.projection import StoreUnavailable

# A slice takes Redis a millisecond or two.
AT_ONCE: Final = 500
# Pages look at all that are open: from so many on, batches wait.
OPEN_MAX: Final = 32
LOOK_AGAIN_S: Final = 0.02


class OpenPushes:
    """Pushes what is open, as long as there is any, and leaves Redis to others half of the time."""

    def __init__(self, scripts: Scripts, *, depth: int, at_once: int) -> None:
        self._scripts = scripts
        self._depth = depth
        self._at_once = min(at_once, AT_ONCE)
        self._pushing: asyncio.Task[None] | None = None
        self._open = 0
        self._noted = False

    async def go_on(self, count: int) -> None:
        """Note that so many are open. Returns at once unless these are too many."""
        if not count:
            return
        self._open, self._noted = count, True
        if self._pushing is None or self._pushing.done():
            self._pushing = asyncio.create_task(self._push())
        while self._open > OPEN_MAX and not self._pushing.done():
            await asyncio.wait([self._pushing], timeout=LOOK_AGAIN_S)

    async def wait(self) -> None:
        """Return when none is open, or Redis does not answer."""
        if self._pushing is not None:
            await self._pushing

    async def close(self) -> None:
        """Stop: they stay open."""
        if self._pushing is not None:
            self._pushing.cancel()
            with suppress(asyncio.CancelledError):
                await self._pushing

    async def _push(self) -> None:
        # Where Redis does not answer, the next batch begins again.
        with suppress(StoreUnavailable):
            while self._open or self._noted:
                self._noted, began = False, monotonic()
                self._open = await self._scripts.call("push_open", self._depth, self._at_once)
                await asyncio.sleep(monotonic() - began)
