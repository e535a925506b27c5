"""The workers of one process, and what machines ask of them on a port of their own."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from infra.worker_desk import CountedLetters, Desk
from projections.projection import Projection, SharedStore
from streams.dead_letters import DeadLetters
from streams.envelope import Codec
from streams.faust.worker import Worker, WorkerCrashed
from streams.feed import Lookup

log = logging.getLogger("starling")


class CountedDeadLetters(DeadLetters, CountedLetters, Protocol):
    """Dead letters that can tell how many they are."""


@dataclass(frozen=True, slots=True)
class Job:
    """A generation of a projection, and the store to fill."""

    projection: Projection
    generation: int
    store: SharedStore[Any]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What workers have in common; `prefix` stands before the names of topics and groups."""

    brokers: str
    prefix: str
    codec: Codec
    dead_letters: CountedDeadLetters
    lookup: Lookup | None
    now_ms: Callable[[], int]


class Workers:
    """Several workers on one event loop. An outage of one's store stalls that one; a bug ends them
    all, and the process."""

    def __init__(self, jobs: Sequence[Job], shop: Workshop) -> None:
        self._shop = shop
        expected = [job.projection.name for job in jobs]
        self.desk = Desk(shop.dead_letters, shop.now_ms, expected=expected)
        self._workers = [self._worker(job) for job in jobs]

    def _worker(self, job: Job) -> Worker:
        return Worker(
            self.desk.metrics.measured_projection(job.projection),
            job.store,
            self._shop.dead_letters,
            self._shop.codec,
            self._shop.brokers,
            prefix=self._shop.prefix,
            generation=job.generation,
            lookup=self._shop.lookup,
            observer=self.desk.metrics,
        )

    async def run(self, address: tuple[str, int] | None = None) -> None:
        """Work until it is cancelled; answer on `address` meanwhile. Raises WorkerCrashed, in a
        group."""
        async with asyncio.TaskGroup() as tasks:
            for worker in self._workers:
                tasks.create_task(self._run(worker), name=worker.group)
            if address is not None:
                tasks.create_task(self.desk.answer(*address), name="metrics")

    async def _run(self, worker: Worker) -> None:
        with self.desk.at_work(worker):
            await worker.run()


def run_until_told(
    opened: AbstractAsyncContextManager[Workers], address: tuple[str, int] | None = None
) -> int:
    """Open the workers and let them work until a signal asks to stop; batches at hand are
    finished first. The exit status: not 0 where one crashed."""
    status = 0
    try:
        asyncio.run(_work(opened, address))
    except* WorkerCrashed as crashed:
        log.critical("A worker crashed", exc_info=crashed)
        status = 1
    return status


async def _work(
    opened: AbstractAsyncContextManager[Workers], address: tuple[str, int] | None
) -> None:
    async def work() -> None:
        async with opened as workers:
            await workers.run(address)

    working = asyncio.ensure_future(work())
    for asked in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(asked, working.cancel)
    with suppress(asyncio.CancelledError):
        await working
