"""What a process of the cluster profile knows of generations: it looks at their rows all the time.

A look is one statement on a table of a few rows. Where PostgreSQL does not answer, what was seen
last goes on to count.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from infra.generations import Generation, first_of
from infra.postgresql.generations import PostgresqlGenerations
from projections.projection import Projection, StoreUnavailable

LOOK_EVERY_S: Final = 0.2
LOOK_AGAIN_S: Final = 1.0

log = logging.getLogger("starling")


class GenerationWatch:
    """`look` once before it is asked, then `run`."""

    def __init__(self, known: PostgresqlGenerations) -> None:
        self._known = known
        self._seen: Mapping[tuple[str, int], Sequence[Generation]] = {}
        self._turn = asyncio.Event()

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
        pause = LOOK_EVERY_S
        while True:
            await asyncio.sleep(pause)
            try:
                await self.look()
            except StoreUnavailable as error:
                if pause == LOOK_EVERY_S:
                    log.warning("Which generations answer cannot be seen: %s", error)
                pause = LOOK_AGAIN_S
            else:
                pause = LOOK_EVERY_S
