"""The generations that answer in one serving process of the cluster profile.

Which one is to answer is one row for all processes (`cluster_swaps`). Each sees a change within a
fraction of a second and swaps for itself, in one step, once the new one has everything that this
process ever told anybody the old one had: nobody who reads here sees a view go back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from commands.ports import Steer
from domain.errors import Conflict, Unavailable
from infra.generations import Generation
from infra.profiles.cluster_stores import closed
from infra.profiles.cluster_swaps import ClusterSwaps
from infra.profiles.generation_watch import GenerationWatch
from infra.steering import Steered
from projections.projection import Projection, StoreUnavailable
from projections.stores import Stores
from streams.polled_progress import PolledProgress
from streams.reapply import Taken
from streams.registry import PROJECTIONS, projection_named

RETRY_S: Final = 0.05
BUG_RETRY_S: Final = 2.0
# How long who asked for a swap waits for this process; it happens later all the same.
SWAPPED_S: Final = 30.0

log = logging.getLogger("starling")


class Opened(Protocol):
    """Opens a store of a projection, whose tables are there then."""

    async def __call__(self, projection: Projection, *, generation: int) -> Any: ...


class ClusterGenerations:
    """Implements `infra.profiles.profile.Generations`. Used on one event loop."""

    def __init__(
        self,
        swaps: ClusterSwaps,
        watch: GenerationWatch,
        opened: Opened,
    ) -> None:
        self._swaps = swaps
        self._watch = watch
        self._opened = opened
        self._stores: dict[tuple[str, int], Any] = {}
        self._answering: dict[str, int] = {}
        self._swapped = asyncio.Event()

    async def open_live(self) -> dict[str, Any]:
        """The live generations' stores, by projection. Raises StoreUnavailable."""
        await self._watch.look()
        for projection in PROJECTIONS:
            number = self._watch.live(projection).number
            await self._open(projection, number)
            self._answering[projection.name] = number
        return {name: self._stores[name, number] for name, number in self._answering.items()}

    @asynccontextmanager
    async def following(self, views: Stores, progress: PolledProgress) -> AsyncIterator[None]:
        """`views` and `progress` are of the generations that are live, while this lasts."""
        tasks = [asyncio.create_task(self._watch.run(), name="generations")]
        tasks += [
            asyncio.create_task(
                self._follow(projection, views, progress), name=f"generations {projection.name}"
            )
            for projection in PROJECTIONS
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for store in self._stores.values():
                await closed(store)

    def number(self, name: str) -> int:
        """See `Generations.number`: of the one that answers here."""
        return self._answering[projection_named(name).name]

    async def adopt(self, name: str) -> Generation:
        """See `Generations.adopt`. Raises Conflict where it is not whole yet."""
        return await self._told(self._swaps.adopt(name))

    async def rollback(self, name: str) -> Generation:
        """See `Generations.rollback`."""
        return await self._told(self._swaps.rollback(name))

    async def prune(self, name: str) -> Sequence[Generation]:
        """See `Generations.prune`."""
        try:
            return await self._swaps.prune(name)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    async def steer(
        self, name: str, how: Steer, per_s_max: float | None = None, number: int | None = None
    ) -> Steered:
        """See `Generations.steer`."""
        try:
            return await self._swaps.steer(name, how, per_s_max, number)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    async def replays(self) -> Sequence[Steered]:
        """Those that are under way. Raises StoreUnavailable."""
        return await self._swaps.known.orders.under_way()

    async def apply_again(self, name: str, number: int, positions: Sequence[int]) -> Taken:
        """See `Generations.apply_again`. Its stores are everybody's: who asks can do it."""
        del number, positions
        raise Conflict(f"No server is needed to apply events to {name} again")

    async def _told(self, swapping: Awaitable[Generation]) -> Generation:
        try:
            one = await swapping
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error
        try:
            async with asyncio.timeout(SWAPPED_S):
                while self._answering[one.projection] != one.number:
                    await self._swapped.wait()
        except TimeoutError as error:
            raise Unavailable(f"Generation {one.number} does not answer here yet") from error
        return one

    async def _follow(
        self, projection: Projection, views: Stores, progress: PolledProgress
    ) -> None:
        """Do what the rows say, as soon as it can be done."""
        while True:
            turn = self._watch.turn
            try:
                is_done = await self._do(projection, views, progress)
            except StoreUnavailable:
                is_done = False
            except Exception:
                log.exception("Generations of %s", projection.name)
                await asyncio.sleep(BUG_RETRY_S)
                is_done = False
            if is_done:
                await turn.wait()
            else:
                await asyncio.sleep(RETRY_S)

    async def _do(self, projection: Projection, views: Stores, progress: PolledProgress) -> bool:
        """Whether what is answering here is what is to answer."""
        name, live = projection.name, self._watch.live(projection).number
        there = {one.number for one in self._watch.of(projection) if one.state != "dropped"}
        for of, number in [key for key in self._stores if key[0] == name]:
            if number not in there and number != self._answering[name]:
                await closed(self._stores.pop((of, number)))
        if live == self._answering[name]:
            for one in self._watch.of(projection):
                if one.state == "filled":
                    # It is to answer in a moment; opening it takes the longest.
                    await self._open(projection, one.number)
            return True
        store = await self._open(projection, live)

        def done() -> None:
            setattr(views, name, store)
            self._answering[name] = live

        if not await progress.swap(name, store, done):
            return False
        log.info("Generation %d of %s answers", live, name)
        self._swapped.set()
        self._swapped = asyncio.Event()
        return True

    async def _open(self, projection: Projection, number: int) -> Any:
        key = projection.name, number
        if key not in self._stores:
            self._stores[key] = await self._opened(projection, generation=number)
        return self._stores[key]
