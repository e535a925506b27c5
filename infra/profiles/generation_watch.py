"""What a process of the cluster profile knows of generations: it looks at their rows whenever it
hears that one changed.

A look is one statement on a table of a few rows. Where PostgreSQL does not answer, what was seen
last goes on to count.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from infra.generations import Generation, first_of
from infra.postgresql.generations import PostgresqlGenerations
from projections.projection import Projection, StoreUnavailable
from streams.cancelling import heed_cancellation

# Also where nothing is heard: a connection may have died without a word.
LOOK_EVERY_S: Final = 5.0
LOOK_AGAIN_S: Final = 1.0

log = logging.getLogger("starling")


class GenerationWatch:
    """`look` once before it is asked, then `run`."""

    def __init__(self, known: PostgresqlGenerations) -> None:
        self._known = known
        self._seen: Mapping[tuple[str, int], Sequence[Generation]] = {}
        self._turn = asyncio.Event()
        self._away = False

    @property
    def turn(self) -> asyncio.Event:
        """Set as soon as something differs from what is seen now; then there is another one."""
        return self._turn

    def of(self, projection: Projection) -> Sequence[Generation]:
        """See `PostgresqlGenerations.of`."""
        found = self._seen.get((projection.name, projection.version))
        return found or [first_of(projection)]

    def live(self, projection: Projection) -> Generation:
        """The one that is to answer."""
        return next(one for one in self.of(projection) if one.state == "live")

    async def look(self) -> None:
        """Look now. Raises StoreUnavailable."""
        seen: dict[tuple[str, int], list[Generation]] = {}
        for one in await self._known.every():
            seen.setdefault((one.projection, one.version), []).append(one)
        if seen != self._seen:
            self._seen = seen
            self._turn.set()
            self._turn = asyncio.Event()

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            try:
                await self._look_when_told()
            except StoreUnavailable as error:
                if not self._away:
                    log.warning("Which generations answer cannot be seen: %s", error)
                self._away = True
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _look_when_told(self) -> NoReturn:
        """Raises StoreUnavailable."""
        async with self._known.heard() as heard:
            while True:
                await self.look()
                self._away = False
                await heard(LOOK_EVERY_S)
                heed_cancellation()
