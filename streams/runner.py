"""The in-process runner: follows the log for every projection, each at its own pace.

It lives on a thread and an event loop of its own, so that stores may be written with plain
blocking calls there without stopping the server's loop.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
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
        _stall(self._status[name], error)

    def position(self, name: str) -> int:
        """How far the projection is."""
        return self._status[name].position

    def stalled_by(self, name: str) -> str | None:
        """Why the projection does not go on; None if it does."""
        return self._status[name].stalled_by

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        """See `web.app.Progress.reached`."""
        wanted = vector.get(EMBEDDED_LOG, 0)
        statuses = [self._status[name] for name in projections]
        behind = [status for status in statuses if status.position < wanted]
        if not behind:
            return
        waiters = [(status, self._waiter(status, wanted)) for status in behind]
        try:
            async with asyncio.timeout(wait_s):
                for _, waiter in waiters:
                    await waiter.reached
        except TimeoutError as error:
            names = ", ".join(status.name for status in behind)
            raise ProjectionBehind(f"{names} is not there yet") from error
        finally:
            self._forget(waiters)

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


@dataclass(slots=True, eq=False)
class Followed:
    """A generation of a projection that follows the log."""

    pipeline: Pipeline
    status: Status
    task: "asyncio.Task[None] | None" = None


class LocalRunner:
    """Runs one pipeline for each generation that is followed, until it is stopped."""

    def __init__(
        self,
        feed: Feed,
        stores: Sequence[tuple[Projection, Store[Any]]],
        dead_letters: DeadLetters,
        progress: LocalProgress,
        *,
        crashed: Callable[[str, BaseException], None],
    ) -> None:
        """`stores` are those of the live generations."""
        self._feed = feed
        self._dead_letters = dead_letters
        self._progress = progress
        self._crashed = crashed
        self._followed = [
            self._made(projection, store, progress.status(projection.name))
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

    def follow(self, projection: Projection, store: Store[Any]) -> Followed:
        """Follow the log with another generation too. Before `start`, or while it runs."""
        followed = self._made(projection, store, Status(projection.name))
        self._followed.append(followed)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, followed)
        return followed

    async def swap(self, followed: Followed, done: Callable[[], None]) -> None:
        """Make it the live generation, as soon as it has reached what that one has. `done` is
        called in the same moment, on the runner's thread. Where nothing runs nobody waits."""
        if self._loop is None:
            self._swap_now(followed, done)
        else:
            await self._on_its_loop(self._swap(followed, done))

    async def leave(self, store: Store[Any]) -> None:
        """Follow the log with this store no more. The batch at hand is finished."""
        await self._on_its_loop(self._leave(store))

    def followed(self, store: Store[Any]) -> Followed:
        """The generation that is in the store. Raises LookupError."""
        for followed in self._followed:
            if followed.pipeline.store is store:
                return followed
        raise LookupError

    async def catch_up(self) -> None:
        """Bring every projection to the head on the calling loop, instead of `start`: for tools
        and tests. Raises Paused."""
        for followed in self._followed:
            pipeline = followed.pipeline
            position = await self._checkpoint(pipeline)
            while batch := await self._feed.read(PARTITION, position, BATCH_MAX):
                position = (await pipeline.take(batch))[PARTITION]
            self._progress.reach(followed.status, position)

    def _made(self, projection: Projection, store: Store[Any], status: Status) -> Followed:
        pipeline = Pipeline(
            projection, store, self._dead_letters, stalled=lambda _, error: _stall(status, error)
        )
        return Followed(pipeline, status)

    def _run(self) -> None:
        asyncio.run(self._follow_all())

    async def _follow_all(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._all = asyncio.current_task()
        for followed in self._followed:
            self._begin(followed)
        self._ready.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        tasks = [followed.task for followed in self._followed if followed.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, followed: Followed) -> None:
        if followed.task is None:
            name = followed.pipeline.projection.name
            followed.task = asyncio.create_task(self._follow(followed), name=name)
            followed.task.add_done_callback(lambda task: self._ended(followed.status, task))

    def _ended(self, status: Status, task: "asyncio.Task[None]") -> None:
        """A projection that breaks stops alone: the others and the server go on."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _stall(status, error)
            self._crashed(status.name, error)

    async def _follow(self, followed: Followed) -> None:
        pipeline, status = followed.pipeline, followed.status
        position = await self._checkpoint(pipeline)
        self._progress.reach(status, position)
        while True:
            await pipeline.settle(self._feed)
            batch = await self._feed.read(PARTITION, position, BATCH_MAX)
            if not batch:
                await self._feed.wait(PARTITION, position)
                continue
            try:
                position = (await pipeline.take(batch))[PARTITION]
            except Paused as error:
                _stall(status, error)
                await asyncio.sleep(PAUSED_RETRY_S)
                continue
            self._progress.reach(status, position)
            if GATHER_FROM <= len(batch) < BATCH_MAX:
                await self._progress.rest(status, pipeline.projection.rest_s)
            else:
                # One projection's backlog must not keep the others waiting.
                await asyncio.sleep(0)

    async def _swap(self, followed: Followed, done: Callable[[], None]) -> None:
        live = self._progress.status(followed.status.name)
        # Nothing is awaited between the last look and the swap: both are followed on this thread.
        while followed.status.position < live.position:
            await self._progress.caught_up(followed.status, live.position)
        self._swap_now(followed, done)

    def _swap_now(self, followed: Followed, done: Callable[[], None]) -> None:
        done()
        self._progress.swap(followed.status)

    async def _leave(self, store: Store[Any]) -> None:
        followed = self.followed(store)
        self._followed.remove(followed)
        if followed.task is not None:
            followed.task.cancel()
            await asyncio.gather(followed.task, return_exceptions=True)

    async def _on_its_loop(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            await work
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _checkpoint(self, pipeline: Pipeline) -> int:
        checkpoint: Mapping[int, int] = await pipeline.store.checkpoint()
        return checkpoint.get(PARTITION, 0)


def _stall(status: Status, error: BaseException) -> None:
    """Note that it cannot go on for now."""
    status.stalled_by = str(error)
