"""Generations of the embedded profile's projections: followed beside the live one, swapped with
it, dropped. A generation is built by `starling replay` (`infra.replaying`), in a process of its
own; from then on this process follows the log with it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from commands.ports import Steer
from domain.errors import Conflict, NotFound
from infra.folder import DataFolder, remove_store
from infra.generations import Generation
from infra.profiles.embedded_stores import Surroundings, opened
from infra.replay_desk import cancelled, left_alone, steer
from infra.replaying import alone
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.generations import SqliteGenerations
from infra.steering import Steered
from projections.projection import Projection, Store
from projections.stores import Stores
from streams.dead_letters import Build
from streams.pipeline import Paused
from streams.reapply import Taken
from streams.registry import BY_NAME, PROJECTIONS, projection_named
from streams.runner import LocalRunner


class EmbeddedGenerations:
    """The stores of every generation that follows the log. Used on one event loop."""

    def __init__(
        self, folder: DataFolder, around: Surroundings, letters: SqliteDeadLetters
    ) -> None:
        """With what is dropped go its `letters`; `past_changed` is called when
        what is as of a moment may be gone, or other than it was."""
        self._folder = folder
        self._around = around
        self._letters = letters
        self.past_changed: Callable[[], Awaitable[None]] = _nobody_cares
        self._known = SqliteGenerations(folder.file("generations.db"))
        self._stores: dict[Generation, Any] = {}
        # One change of a projection's generations at a time.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._runner: LocalRunner | None = None
        self._views: Stores | None = None
        self._measured: Callable[[Projection], Projection] = _as_it_is

    def open_live(self) -> dict[str, Any]:
        """The live generations' stores, by projection."""
        return {name: self._open(self._known.live(one)) for name, one in BY_NAME.items()}

    def follow(
        self,
        runner: LocalRunner,
        views: Stores,
        measured: Callable[[Projection], Projection],
    ) -> None:
        """From now on `runner` follows the kept ones too, and a swap changes `views`."""
        self._runner, self._views, self._measured = runner, views, measured
        for projection in PROJECTIONS:
            for one in self._known.of(projection):
                if one.state == "kept":
                    runner.follow(measured(projection), self._open(one), one.number)

    def number(self, name: str) -> int:
        """That of the live generation."""
        return self._known.live(projection_named(name)).number

    async def adopt(self, name: str) -> Generation:
        """Follow the log with the generation that was built, and let it answer once it has what
        the live one has. Raises NotFound where none was built."""
        projection = projection_named(name)
        async with self._turns[name]:
            one = self._coming(projection)
            if one is None:
                raise NotFound(f"No generation of {name} was built")
            if any(found.generation == one for found in await self._known.orders.under_way()):
                raise Conflict(f"Generation {one.number} of {name} is not whole yet")
            runner, _ = self._serving()
            if self._key(one) not in self._stores:
                runner.follow(self._measured(projection), self._open(one), one.number)
            return await self._swap(one)

    async def rollback(self, name: str) -> Generation:
        """Let the generation answer again that was live before. Raises NotFound."""
        kept = [one for one in self._known.of(projection_named(name)) if one.state == "kept"]
        if not kept:
            raise NotFound(f"No earlier generation of {name} is kept")
        async with self._turns[name]:
            return await self._swap(kept[-1])

    async def prune(self, name: str) -> Sequence[Generation]:
        """Drop all that are not live; those that were dropped. Raises AlreadyBuilt."""
        async with self._turns[name]:
            with alone(self._folder.path, projection_named(name)):
                return await self._prune(name)

    async def steer(
        self, name: str, how: Steer, per_s_max: float | None = None, number: int | None = None
    ) -> Steered:
        """See `Generations.steer`."""
        projection, orders = projection_named(name), self._known.orders
        if how != "cancel":
            return await steer(orders, projection, how, per_s_max, number)
        found = await cancelled(orders, projection, self._coming(projection), number)
        one = found.generation
        async with left_alone(partial(alone, self._folder.path, projection)), self._turns[name]:
            if one in self._known.of(projection):
                await self._drop(one)
                await self.past_changed()
        return found

    async def apply_again(self, name: str, number: int, positions: Sequence[int]) -> Taken:
        """See `Generations.apply_again`."""
        live = self._known.live(projection_named(name))
        if live.number != number:
            raise Conflict(f"Generation {live.number} of {name} answers now, not {number}")
        try:
            return await self._serving()[0].apply_again(self._stores[self._key(live)], positions)
        except Paused as error:
            raise Conflict(str(error)) from error

    async def _prune(self, name: str) -> Sequence[Generation]:
        dropped = [one for one in self._known.of(projection_named(name)) if one.state != "live"]
        for one in dropped:
            await self._drop(one)
        for build in await self._letters.counts():
            if build.projection == name and build.version < BY_NAME[name].version:
                await self._letters.forget(build)
        await self.past_changed()
        return dropped

    async def _drop(self, one: Generation) -> None:
        store = self._stores.pop(self._key(one), None)
        if store is not None:
            await self._serving()[0].leave(store)
            store.close()
        await self._letters.forget(Build(*one[:3]))
        self._known.forget(one)
        remove_store(self._folder.projection(*one[:3]))

    def _coming(self, projection: Projection) -> Generation | None:
        """The one that is to answer next: it is being built, or was."""
        found = (one for one in self._known.of(projection) if one.state == "building")
        return next(found, None)

    async def replays(self) -> Sequence[Steered]:
        """Those that are under way."""
        return await self._known.orders.under_way()

    def every(self) -> Sequence[Generation]:
        """Those of all projections, whether they follow the log or not."""
        return [one for projection in PROJECTIONS for one in self._known.of(projection)]

    @contextmanager
    def store_of(self, one: Generation) -> Iterator[Store[Any]]:
        """A generation's store; of one that does not follow the log, for as long as the context
        lasts."""
        followed: Store[Any] | None = self._stores.get(self._key(one))
        if followed is not None:
            yield followed
            return
        path = self._folder.projection(*one[:3])
        with closing(opened(projection_named(one.projection), path, self._around)) as store:
            yield store

    def close(self) -> None:
        """Close every store."""
        for store in self._stores.values():
            store.close()
        self._known.close()

    async def _swap(self, one: Generation) -> Generation:
        runner, views = self._serving()
        store = self._stores[self._key(one)]

        def done() -> None:
            self._known.swap(one)
            setattr(views, one.projection, store)

        await runner.swap(runner.followed(store), done)
        return one._replace(state="live")

    def _open(self, one: Generation) -> Store[Any]:
        path = self._folder.projection(*one[:3])
        store = opened(projection_named(one.projection), path, self._around)
        self._stores[self._key(one)] = store
        found: Store[Any] = store
        return found

    def _serving(self) -> tuple[LocalRunner, Stores]:
        if self._runner is None or self._views is None:
            raise RuntimeError("Nothing follows the log yet")
        return self._runner, self._views

    @staticmethod
    def _key(one: Generation) -> Generation:
        """The same whatever its state."""
        return one._replace(state="kept")


async def _nobody_cares() -> None:
    """No one reads what may be dropped."""


def _as_it_is(projection: Projection) -> Projection:
    return projection
