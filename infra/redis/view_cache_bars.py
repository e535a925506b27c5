"""How a writer keeps readers of a view's cache from what is old.

While a store's operations are applied, the keys of what they touch are barred: readers ask the
store, and what they read is not kept. Afterwards the keys are empty. So whoever sees that something
was applied reads it, whichever way.

A writer that cannot bar, because Redis does not answer, goes on: the view is not to wait for its
cache. It owes the cache a new epoch then, which makes everything in it void, and pays as soon as
Redis answers. Nobody knows what a writer owed that has died: the next one pays before it begins.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from infra.redis.scripts import Argument
from infra.redis.view_cache_scripts import CacheScripts, new_token
from infra.redis.view_cache_turns import KEYS_MAX, Turns, epoch_of
from projections.projection import StoreUnavailable

# A writer that dies leaves its bars for so long; one that lives renews them.
BAR_MS: Final = 10_000
RENEW_S: Final = 3.0
WITHIN_S: Final = 2.0
PAY_AGAIN_S: Final = 1.0


class _Bar:
    """One writer's bar over some keys; `held` until it could not be set or renewed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.token = new_token()
        self.held = True


class Bars:
    """Those that one process sets in a namespace. Used on one event loop."""

    def __init__(
        self, scripts: CacheScripts, turns: Turns, namespace: str, *, bar_ms: int = BAR_MS
    ) -> None:
        self._scripts = scripts
        self._turns = turns
        self._epoch = epoch_of(namespace)
        self._breaker = turns.bars_breaker(namespace)
        self._bar_ms = bar_ms
        # Debts are numbered: what comes up while one is being paid is not paid with it.
        self._debts, self._paid_until = 1, 0
        self._paying = False

    @property
    def owes(self) -> bool:
        """Whether what is cached may be older than what was applied here."""
        return self._paid_until < self._debts

    @asynccontextmanager
    async def over(self, keys: Collection[str], *, whole: bool = False) -> AsyncIterator[None]:
        """Bar these keys, or the `whole` namespace, while something is applied within."""
        if not (keys or whole):
            yield
            return
        bar = _Bar([self._epoch] if whole else list(keys))
        # While somebody tries to pay, nobody else waits for a Redis that does not answer.
        bar.held = not self._paying and await self._paid() and await self._set(bar)
        renewing = asyncio.create_task(self._renew(bar), name="bars of a view's cache")
        try:
            yield
            bar.held = bar.held and await self._lift(bar)
        except Exception:
            # Of what failed a part may have come to be, or will yet: the bars stay until they run
            # out; and if they did while this process stood still, what was kept since goes.
            bar.held = bar.held and await self._set(bar)
            raise
        finally:
            renewing.cancel()
            if not bar.held:
                self._owe()

    async def void(self) -> None:
        """Let nothing count that is cached now. Raises StoreUnavailable."""
        debts = self._debts
        await self._run("unbar", [self._epoch], (new_token(),))
        self._paid_until = max(self._paid_until, debts)

    async def entrusted(self) -> None:
        """Let nothing count of what writers before may have owed; as soon as that can be."""
        self._debts += 1
        if not await self._paid():
            self._owe()

    async def drop(self, keys: Collection[str]) -> None:
        """Remove these as if they had been barred until now."""
        bar = _Bar(list(keys))
        if keys and not await self._lift(bar):
            self._owe()

    async def _paid(self) -> bool:
        """Whether nothing is owed any more."""
        try:
            if self.owes:
                await self.void()
        except StoreUnavailable:
            return False
        return not self.owes

    def _owe(self) -> None:
        self._debts += 1
        if not self._paying:
            self._paying = True
            self._turns.spawn(self._pay(), "what a view's cache is owed")

    async def _pay(self) -> None:
        try:
            while True:
                if await self._paid():
                    return
                await asyncio.sleep(PAY_AGAIN_S)
        finally:
            self._paying = False

    async def _set(self, bar: _Bar) -> bool:
        return await self._done("bar", bar, (bar.token, self._bar_ms))

    async def _lift(self, bar: _Bar) -> bool:
        return await self._done("unbar", bar, (bar.token,))

    async def _renew(self, bar: _Bar) -> None:
        while bar.held:
            await asyncio.sleep(RENEW_S)
            bar.held = bar.held and await self._set(bar)

    async def _done(self, script: str, bar: _Bar, arguments: Sequence[Argument]) -> bool:
        try:
            for start in range(0, len(bar.keys), KEYS_MAX):
                await self._run(script, bar.keys[start : start + KEYS_MAX], arguments)
        except StoreUnavailable:
            return False
        return True

    async def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Argument]) -> None:
        await self._scripts.run(script, keys, arguments, breaker=self._breaker, within_s=WITHIN_S)
