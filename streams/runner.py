"""The in-process runner: follows the log for every projection, each at its own pace.

It lives on a thread and an event loop of its own, so that stores may be written with plain
blocking calls there without stopping the server's loop.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from domain.errors import ProjectionBehind
from domain.positions import EMBEDDED_LOG, Vector
from projections.projection import Projection, Store
from streams.dead_letters import DeadLetters
from streams.feed import Feed
from streams.pipeline import Paused, Pipeline

BATCH_MAX: Final = 500
# A batch this large says that events come faster than they are applied one by one: from here on
# it pays to let them gather. Below, what was written shows in a few milliseconds.
GATHER_FROM: Final = 4
PAUSED_RETRY_S: Final = 5.0
PARTITION: Final = 0


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


class LocalProgress:
    """How far each projection is; reads with tokens wait here. Implements `web.app.Progress`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._status = {name: Status(name) for name in names}
        self._lock = threading.Lock()

    @property
    def names(self) -> frozenset[str]:
        """The projections that there are."""
        return frozenset(self._status)

    def advance(self, name: str, position: int) -> None:
        """Note that `name` has applied everything up to `position`. Any thread."""
        status = self._status[name]
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

    def stall(self, name: str, error: BaseException) -> None:
        """Note that `name` cannot go on for now."""
        self._status[name].stalled_by = str(error)

    def position(self, name: str) -> int:
        """How far the projection is."""
        return self._status[name].position

    def stalled_by(self, name: str) -> str | None:
        """Why the projection does not go on; None if it does."""
        return self._status[name].stalled_by

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        """See `web.app.Progress.reached`."""
        wanted = vector.get(EMBEDDED_LOG, 0)
        behind = [name for name in projections if self._status[name].position < wanted]
        if not behind:
            return
        waiters = [self._waiter(self._status[name], wanted) for name in behind]
        try:
            async with asyncio.timeout(wait_s):
                for waiter in waiters:
                    await waiter.reached
        except TimeoutError as error:
            raise ProjectionBehind(f"{', '.join(behind)} is not there yet") from error
        finally:
            self._forget(behind, waiters)

    async def rest(self, name: str, seconds: float) -> None:
        """Let events gather for so long, or until a read waits for the projection. For its
        runner."""
        status = self._status[name]
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

    def _forget(self, names: Iterable[str], waiters: Sequence[_Waiter]) -> None:
        with self._lock:
            for name in names:
                status = self._status[name]
                status.waiters = [w for w in status.waiters if w not in waiters]


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class LocalRunner:
    """Runs one pipeline for each projection until it is stopped."""

    def __init__(
        self,
        feed: Feed,
        stores: Sequence[tuple[Projection, Store[Any]]],
        dead_letters: DeadLetters,
        progress: LocalProgress,
        *,
        crashed: Callable[[str, BaseException], None],
    ) -> None:
        self._feed = feed
        self._progress = progress
        self._crashed = crashed
        self._pipelines = [
            Pipeline(projection, store, dead_letters, stalled=progress.stall)
            for projection, store in stores
        ]
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._all: asyncio.Task[None] | None = None
        self._ready = threading.Event()

    def start(self) -> None:
        """Begin to follow the log; returns when the thread runs."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Finish the batches at hand and stop."""
        if self._loop is not None and self._all is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._all.cancel)
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._follow_all())

    async def _follow_all(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._all = asyncio.current_task()
        tasks = []
        for pipeline in self._pipelines:
            task = asyncio.create_task(self._follow(pipeline), name=pipeline.projection.name)
            task.add_done_callback(self._ended)
            tasks.append(task)
        self._ready.set()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A projection that breaks stops alone: the others and the server go on."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._progress.stall(task.get_name(), error)
            self._crashed(task.get_name(), error)

    async def catch_up(self) -> None:
        """Bring every projection to the head on the calling loop, instead of `start`: for tools
        and tests. Raises Paused."""
        for pipeline in self._pipelines:
            position = await self._checkpoint(pipeline)
            while batch := await self._feed.read(PARTITION, position, BATCH_MAX):
                position = await pipeline.take(batch)
            self._progress.advance(pipeline.projection.name, position)

    async def _follow(self, pipeline: Pipeline) -> None:
        name = pipeline.projection.name
        position = await self._checkpoint(pipeline)
        self._progress.advance(name, position)
        while True:
            await pipeline.settle(self._feed)
            batch = await self._feed.read(PARTITION, position, BATCH_MAX)
            if not batch:
                await self._feed.wait(PARTITION, position)
                continue
            try:
                position = await pipeline.take(batch)
            except Paused as error:
                self._progress.stall(name, error)
                await asyncio.sleep(PAUSED_RETRY_S)
                continue
            self._progress.advance(name, position)
            if GATHER_FROM <= len(batch) < BATCH_MAX:
                await self._progress.rest(name, pipeline.projection.rest_s)
            else:
                # One projection's backlog must not keep the others waiting.
                await asyncio.sleep(0)

    async def _checkpoint(self, pipeline: Pipeline) -> int:
        checkpoint: Mapping[int, int] = await pipeline.store.checkpoint()
        return checkpoint.get(PARTITION, 0)
