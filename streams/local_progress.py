"""How far the projections of this process are; reads wait here until they are far enough."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from domain.errors import ProjectionBehind
from domain.positions import EMBEDDED_LOG, Vector


class _Waiter(NamedTuple):
    position: int
    loop: asyncio.AbstractEventLoop
    reached: "asyncio.Future[None]"


@dataclass(slots=True)
class Status:
    """What is known about one projection, for people and for waiting reads. `hurry` ends the
    rest between its batches, while it rests."""

    name: str
    position: int = 0
    stalled_by: str | None = None
    waiters: list[_Waiter] = field(default_factory=list)
    hurry: Callable[[], object] | None = None

    def stall(self, error: BaseException) -> None:
        """Note that it cannot go on for now."""
        self.stalled_by = str(error)


class LocalProgress:
    """How far each projection is; reads with tokens wait here. Implements `web.app.Progress`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._status = {name: Status(name) for name in names}
        self._lock = threading.Lock()

    @property
    def names(self) -> frozenset[str]:
        """The projections that there are."""
        return frozenset(self._status)

    def swap(self, status: Status) -> Status:
        """From now on this generation is the one that is meant by its name; the one before.
        To be called where it has reached what that one has."""
        with self._lock:
            before, self._status[status.name] = self._status[status.name], status
        return before

    def status(self, name: str) -> Status:
        """That of the live generation."""
        return self._status[name]

    def advance(self, name: str, position: int) -> None:
        """Note that the live generation has applied everything up to `position`. Any thread."""
        self.reach(self._status[name], position)

    def reach(self, status: Status, position: int) -> None:
        """As `advance`, for any generation."""
        with self._lock:
            status.position = position
            status.stalled_by = None
            if not status.waiters:
                return
            ready = [w for w in status.waiters if w.position <= position]
            status.waiters = [w for w in status.waiters if w.position > position]
        for _, loop, future in ready:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)

    async def caught_up(self, status: Status, position: int) -> None:
        """Return once a generation has applied everything up to `position`."""
        await self._waiter(status, position).reached

    def stall(self, name: str, error: BaseException) -> None:
        """Note that the live generation cannot go on for now."""
        self._status[name].stall(error)

    def position(self, name: str) -> int:
        """How far the projection is."""
        return self._status[name].position

    def stalled_by(self, name: str) -> str | None:
        """Why the projection does not go on; None if it does."""
        return self._status[name].stalled_by

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        """See `web.app.Progress.reached`."""
        wanted = vector.get(EMBEDDED_LOG, 0)
        behind = self._behind(projections, wanted)
        if not behind:
            return
        try:
            async with asyncio.timeout(wait_s):
                while behind:
                    await self._all_reached(behind, wanted)
                    # Meanwhile another generation may have been swapped in, and not be as far as
                    # the one that was waited for is now.
                    behind = self._behind(projections, wanted)
        except TimeoutError as error:
            names = ", ".join(status.name for status in behind)
            raise ProjectionBehind(f"{names} is not there yet") from error

    async def rest(self, status: Status, seconds: float) -> None:
        """Let events gather for so long, or until a read waits for the projection. For its
        runner."""
        hurried = asyncio.Event()
        hurry = partial(asyncio.get_running_loop().call_soon_threadsafe, hurried.set)
        with self._lock:
            if status.waiters:
                return
            status.hurry = hurry
        try:
            async with asyncio.timeout(seconds):
                await hurried.wait()
        except TimeoutError:
            return
        finally:
            with self._lock:
                status.hurry = None

    def _behind(self, projections: Sequence[str], wanted: int) -> Sequence[Status]:
        """Of the live generations those that are not there yet."""
        statuses = [self._status[name] for name in projections]
        return [status for status in statuses if status.position < wanted]

    async def _all_reached(self, statuses: Sequence[Status], wanted: int) -> None:
        waiters = [(status, self._waiter(status, wanted)) for status in statuses]
        try:
            for _, waiter in waiters:
                await waiter.reached
        finally:
            self._forget(waiters)

    def _waiter(self, status: Status, wanted: int) -> _Waiter:
        """One that waits from now on, or waits for nothing as it is there by now."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(wanted, loop, loop.create_future())
        with self._lock:
            if status.position >= wanted:
                waiter.reached.set_result(None)
                return waiter
            status.waiters.append(waiter)
            if status.hurry is not None:
                status.hurry()
        return waiter

    def _forget(self, waiters: Sequence[tuple[Status, _Waiter]]) -> None:
        with self._lock:
            for status, waiter in waiters:
                if waiter in status.waiters:
                    status.waiters.remove(waiter)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
