"""The in-process runner: follows the log for every projection, each at its own pace.

It lives on a thread and an event loop of its own, so that stores may be written with plain
blocking calls there without stopping the server's loop.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from projections.projection import Projection, Store
from streams.dead_letters import DeadLetters
from streams.feed import Feed
from streams.local_progress import LocalProgress, Status
from streams.pipeline import Paused, Pipeline
from streams.reapply import StoreSink, Taken, events_at

BATCH_MAX: Final = 500
# A batch this large says that events come faster than they are applied one by one: from here on
# it pays to let them gather. Below, what was written shows in a few milliseconds.
GATHER_FROM: Final = 4
# While so many come in a rest, rests grow: of a batch of hundreds an event costs two thirds of what
# it costs among thirty. A waiting read ends any rest.
CROWD: Final = 24
REST_MAX_S: Final = 0.25
PAUSED_RETRY_S: Final = 5.0
PARTITION: Final = 0

T = TypeVar("T")


def _first(_projection: str) -> int:
    return 1


def _rest_after(events: int, usual_s: float) -> float:
    """How long events gather after a batch of so many."""
    return min(usual_s * max(1.0, events / CROWD), max(usual_s, REST_MAX_S))


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
        generation: Callable[[str], int] = _first,
    ) -> None:
        """`stores` are those of the live generations, whose numbers `generation` tells."""
        self._feed = feed
        self._dead_letters = dead_letters
        self._progress = progress
        self._crashed = crashed
        self._followed = [
            self._made(
                projection, store, generation(projection.name), progress.status(projection.name)
            )
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

    @property
    def runs(self) -> bool:
        """Whether it follows the log."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the batches at hand and stop."""
        if self._loop is not None and self._all is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._all.cancel)
            self._thread.join()

    def follow(self, projection: Projection, store: Store[Any], generation: int) -> Followed:
        """Follow the log with another generation too. Before `start`, or while it runs."""
        followed = self._made(projection, store, generation, Status(projection.name))
        self._followed.append(followed)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, followed)
        return followed

    async def settle(self) -> None:
        """Do what was asked for about dead letters on the calling loop, where nothing runs."""
        for followed in self._followed:
            while await followed.pipeline.settle(self._feed):
                pass

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

    async def apply_again(self, store: Store[Any], positions: Sequence[int]) -> Taken:
        """Apply these events of the log again to a store that is followed, between two batches.
        Raises Paused, Unavailable."""
        projection = self.followed(store).pipeline.projection
        sink = StoreSink(projection, store, stalled=lambda _name, _error: None)

        async def apply() -> Taken:
            return await sink.take(await events_at(self._feed, PARTITION, positions))

        return await self._on_its_loop(apply())

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

    def _made(
        self, projection: Projection, store: Store[Any], generation: int, status: Status
    ) -> Followed:
        pipeline = Pipeline(
            projection,
            store,
            self._dead_letters,
            stalled=lambda _, error: status.stall(error),
            generation=generation,
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
            status.stall(error)
            self._crashed(status.name, error)

    async def _follow(self, followed: Followed) -> None:
        pipeline, status = followed.pipeline, followed.status
        position = await self._checkpoint(pipeline)
        self._progress.reach(status, position)
        while True:
            unsettled = await pipeline.settle(self._feed)
            batch = await self._feed.read(PARTITION, position, BATCH_MAX)
            if not batch:
                if not unsettled:
                    await self._feed.wait(PARTITION, position)
                continue
            try:
                position = (await pipeline.take(batch))[PARTITION]
            except Paused as error:
                status.stall(error)
                await asyncio.sleep(PAUSED_RETRY_S)
                continue
            self._progress.reach(status, position)
            if GATHER_FROM <= len(batch) < BATCH_MAX:
                rest_s = _rest_after(len(batch), pipeline.projection.rest_s)
                await self._progress.rest(status, rest_s)
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

    async def _on_its_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _checkpoint(self, pipeline: Pipeline) -> int:
        checkpoint: Mapping[int, int] = await pipeline.store.checkpoint()
        return checkpoint.get(PARTITION, 0)
