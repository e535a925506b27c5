"""A worker for each generation of a projection that follows the log, as generations come and go."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol

from infra.generations import FOLLOWING, Generation
from projections.projection import Projection

# Fills a generation's store until it is cancelled.
Fill = Callable[[Projection, int], Coroutine[Any, Any, None]]


class Watch(Protocol):
    """As `generation_watch.GenerationWatch`."""

    @property
    def turn(self) -> asyncio.Event: ...

    def of(self, projection: Projection) -> Sequence[Generation]: ...


class Followers:
    """Of one projection. Raises what ends one of its workers; the others end with it."""

    def __init__(self, projection: Projection, watch: Watch, fill: Fill) -> None:
        self._projection = projection
        self._watch = watch
        self._fill = fill
        self._running: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Start and end workers until it is cancelled."""
        try:
            while True:
                turn = self._watch.turn
                await self._do_as_seen()
                await self._until(turn)
        finally:
            await self._end(list(self._running))

    async def _do_as_seen(self) -> None:
        wanted = {one.number for one in self._watch.of(self._projection) if one.state in FOLLOWING}
        await self._end([number for number in self._running if number not in wanted])
        for number in sorted(wanted - self._running.keys()):
            name = f"{self._projection.name} {number}"
            filling = self._fill(self._projection, number)
            self._running[number] = asyncio.create_task(filling, name=name)

    async def _until(self, turn: asyncio.Event) -> None:
        """Return once something differs; a worker that ends ends all."""
        changed = asyncio.create_task(turn.wait())
        try:
            done, _ = await asyncio.wait(
                [changed, *self._running.values()], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()
        for task in done - {changed}:
            await task

    async def _end(self, numbers: Collection[int]) -> None:
        """Each finishes its batch at hand and leaves its group."""
        ending = [self._running.pop(number) for number in numbers]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
