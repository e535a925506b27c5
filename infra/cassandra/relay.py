"""The relay: finishes what handlers left behind, so that every decided event reaches its topic."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from domain.errors import Unavailable
from infra.cassandra.appending import Appending
from infra.cassandra.intents import Intents, Written
from projections.projection import StoreUnavailable

AT_ONCE: Final = 16
SLOTS_PER_NOTE: Final = 16
PAUSE_S: Final = 2.0

log = logging.getLogger(__name__)


class Relay:
    """One is enough for a cluster; several do the same work twice and nothing wrong."""

    def __init__(self, noted: Intents, appending: Appending) -> None:
        self._intents = noted
        self._appending = appending
        # Slots with something in them that could not be finished, by a fault of this program.
        self._stuck: set[int] = set()

    async def run(self) -> None:
        """Relay until cancelled."""
        while True:
            try:
                await self.catch_up()
            except (Unavailable, StoreUnavailable) as error:
                log.warning("The relay waits: %s", error)
            await asyncio.sleep(PAUSE_S)

    async def catch_up(self) -> int:
        """Finish everything that was left in slots nobody writes into any more; how many intents
        there were. Raises Unavailable, StoreUnavailable: what is done by then stays done."""
        reached = await self._intents.reached()
        settled = self._intents.settled_slot()
        first = settled if reached is None else reached + 1
        count = 0
        for slot in sorted(self._stuck):
            count += await self._finish(slot)
        for slot in range(first, settled + 1):
            count += await self._finish(slot)
            if slot == settled or slot % SLOTS_PER_NOTE == 0:
                await self._intents.reach(min((*self._stuck, slot + 1)) - 1)
        return count

    async def _finish(self, slot: int) -> int:
        """Everything in a slot."""
        left = await self._intents.left(slot)
        self._stuck.discard(slot)
        for start in range(0, len(left), AT_ONCE):
            await self._settle(slot, left[start : start + AT_ONCE])
        return len(left)

    async def _settle(self, slot: int, left: Sequence[Written]) -> None:
        outcomes = await asyncio.gather(
            *(self._appending.settle(written) for written in left), return_exceptions=True
        )
        outage: BaseException | None = None
        for written, outcome in zip(left, outcomes, strict=True):
            if isinstance(outcome, Unavailable | StoreUnavailable | asyncio.CancelledError):
                outage = outcome
            elif outcome is not None:
                # A bug must not keep the others from their topics.
                self._stuck.add(slot)
                log.error("%s cannot be relayed", written.intent.stream, exc_info=outcome)
        if outage is not None:
            raise outage
