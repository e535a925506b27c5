"""How far projections are that other processes fill: their stores are asked, while somebody
waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from domain.errors import ProjectionBehind, Unavailable
from domain.positions import Vector, merge
from domain.topics import Place, place_named
from projections.projection import Checkpoints, Projection, StoreUnavailable

POLL_S: Final = 0.007
POLL_AGAIN_S: Final = 0.25
# Who does not want to wait is answered by what the store says now.
ASK_S: Final = 0.25
STREAM: Final = "stream:"

# The positions of a stream's event once it is published; None until then. Raises
# Unavailable or StoreUnavailable.
Published = Callable[[str, int], Awaitable[Vector | None]]
Positions = Mapping[int, int]


class _Waiter(NamedTuple):
    needed: Positions
    there: "asyncio.Future[None]"


class _Polled:
    """One projection's store: however many wait, it is asked by one of them at a time."""

    def __init__(self, projection: Projection, store: Checkpoints) -> None:
        self.topics = frozenset(event.TOPIC for event in projection.events)
        self.stalled_by: str | None = None
        self._store = store
        self._known: dict[int, int] = {}
        self._waiters: list[_Waiter] = []
        self._asking: asyncio.Task[None] | None = None

    def there(self, needed: Positions) -> bool:
        """Whether it was there when it was asked last."""
        return all(self._known.get(number, 0) >= position for number, position in needed.items())

    async def ask(self) -> Positions:
        """How far it is now. Raises StoreUnavailable."""
        store = self._store
        try:
            found = await store.checkpoint()
        except StoreUnavailable as error:
            self.stalled_by = str(error)
            raise
        self.stalled_by = None
        if store is self._store:
            # Of two answers that cross each other the higher is true: checkpoints never go back.
            for number, position in found.items():
                self._known[number] = max(position, self._known.get(number, 0))
        return self._known

    async def turn_to(self, store: Checkpoints, done: Callable[[], None]) -> bool:
        """See `PolledProgress.swap`."""
        await self.ask()
        found = await store.checkpoint()
        # Nothing is awaited from here on: whoever was told how far it is finds it there.
        if not all(found.get(number, 0) >= position for number, position in self._known.items()):
            return False
        done()
        self._store, self._known = store, dict(found)
        return True

    async def reached(self, needed: Positions) -> None:
        """Return once it is there."""
        if self.there(needed):
            return
        waiter = _Waiter(needed, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_while_somebody_waits())
        try:
            await waiter.there
        finally:
            self._waiters.remove(waiter)

    async def _ask_while_somebody_waits(self) -> None:
        try:
            while self._waiters:
                pause = POLL_S
                try:
                    await self.ask()
                except StoreUnavailable:
                    pause = POLL_AGAIN_S
                for waiter in self._waiters:
                    if self.there(waiter.needed) and not waiter.there.done():
                        waiter.there.set_result(None)
                await asyncio.sleep(pause)
        except Exception as error:  # noqa: BLE001 - those who wait raise it
            for waiter in self._waiters:
                if not waiter.there.done():
                    waiter.there.set_exception(error)


class PolledProgress:
    """Implements `web.app.Progress` where workers fill the stores. Lives on one event loop.

    Of the stores every read needs those that are `always` named.
    """

    def __init__(
        self,
        stores: Iterable[tuple[Projection, Checkpoints]],
        published: Published,
        *,
        always: Sequence[str] = (),
    ) -> None:
        self._polled = {one.name: _Polled(one, store) for one, store in stores}
        self._always = tuple(always)
        self._published = published

    @property
    def names(self) -> frozenset[str]:
        """The projections that there are."""
        return frozenset(self._polled)

    def stalled_by(self, name: str) -> str | None:
        """Why the projection's store could not be asked last time; None if it could."""
        return self._polled[name].stalled_by

    async def positions(self, name: str) -> Positions:
        """How far the projection is in each partition. Raises StoreUnavailable."""
        return await self._polled[name].ask()

    async def swap(self, name: str, store: Checkpoints, done: Callable[[], None]) -> bool:
        """Ask the store of another generation from now on, if it has everything that anybody was
        told the one before has: whether it had. `done` is called in the same moment.

        Raises StoreUnavailable.
        """
        return await self._polled[name].turn_to(store, done)

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        """See `web.app.Progress.reached`."""
        needed = dict.fromkeys((*self._always, *projections))
        behind = set(needed)
        try:
            async with asyncio.timeout(max(wait_s, ASK_S)):
                whole = await self._published_part(vector)
                places = [(place_named(entry), position) for entry, position in whole.items()]
                for name in needed:
                    await self._polled[name].reached(self._needed(name, places))
                    behind.discard(name)
        except TimeoutError as error:
            there = ", ".join(sorted(behind))
            raise ProjectionBehind(f"{there} is not there yet") from error

    def _needed(self, name: str, places: Iterable[tuple[Place | None, int]]) -> Positions:
        """What a projection must have applied. Topics that it does not read count as reached,
        and so does what no topic of ours is called."""
        topics = self._polled[name].topics
        return {at.number: position for at, position in places if at and at.topic in topics}

    async def _published_part(self, vector: Vector) -> Vector:
        """The same with the positions of what was not published yet, once it is."""
        parts = [vector]
        for entry, version in vector.items():
            if entry.startswith(STREAM):
                parts.append(await self._position_of(entry.removeprefix(STREAM), version))
        return merge(parts)

    async def _position_of(self, stream: str, version: int) -> Vector:
        while True:
            pause = POLL_S
            try:
                found = await self._published(stream, version)
            except (Unavailable, StoreUnavailable):
                found, pause = None, POLL_AGAIN_S
            if found is not None:
                return found
            await asyncio.sleep(pause)
