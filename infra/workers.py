"""The workers of one process, and what machines ask of them on a port of their own."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import uvicorn

from domain.errors import NotSignedIn
from domain.positions import Vector
from infra.metrics import Metrics
from infra.readiness import part_of
from projections.projection import Projection, Store, StoreUnavailable
from read_api.ports import ProjectionStatus
from streams.dead_letters import DeadLetters
from streams.envelope import Codec
from streams.faust.worker import Worker, WorkerCrashed
from streams.feed import Feed
from web import operations
from web.app import Edge, build
from web.limits import RateLimits
from web.operations import LOG, Part
from web.routing import Identity

log = logging.getLogger("starling")


class CountedDeadLetters(DeadLetters, Protocol):
    """Dead letters that can tell how many they are."""

    async def counts(self) -> Mapping[str, int]:
        """How many each projection has that has any. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Job:
    """A generation of a projection, and the store to fill."""

    projection: Projection
    generation: int
    store: Store[Any]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What workers have in common; `prefix` stands before the names of topics and groups."""

    brokers: str
    prefix: str
    codec: Codec
    dead_letters: CountedDeadLetters
    feed: Feed | None
    now_ms: Callable[[], int]


class Workers:
    """Several workers on one event loop; implements `read_api.ports.Projections` for them. An
    outage of one's store stalls that one; a bug ends them all, and the process."""

    def __init__(self, jobs: Sequence[Job], shop: Workshop) -> None:
        self.metrics = Metrics(self)
        self._shop = shop
        self._jobs = jobs
        self._workers = [self._worker(job) for job in jobs]

    def _worker(self, job: Job) -> Worker:
        return Worker(
            self.metrics.measured_projection(job.projection),
            job.store,
            self._shop.dead_letters,
            self._shop.codec,
            self._shop.brokers,
            prefix=self._shop.prefix,
            generation=job.generation,
            feed=self._shop.feed,
            observer=self.metrics,
        )

    async def run(self, address: tuple[str, int] | None = None) -> None:
        """Work until it is cancelled; answer on `address` meanwhile. Raises WorkerCrashed, in a
        group."""
        async with asyncio.TaskGroup() as tasks:
            for worker in self._workers:
                tasks.create_task(worker.run(), name=worker.group)
            if address is not None:
                tasks.create_task(self._answer(*address), name="metrics")

    async def status(self) -> Sequence[ProjectionStatus]:
        """See `Projections.status`: of the partitions that are read here."""
        try:
            letters = await self._shop.dead_letters.counts()
        except StoreUnavailable:
            letters = {}
        return [
            self._status(job, worker, letters)
            for job, worker in zip(self._jobs, self._workers, strict=True)
        ]

    def _status(self, job: Job, worker: Worker, letters: Mapping[str, int]) -> ProjectionStatus:
        position, head = sum(worker.positions.values()), sum(worker.heads.values())
        since_ms = worker.waiting_since_ms
        lag_s = 0.0 if since_ms is None else max(self._shop.now_ms() - since_ms, 0) / 1_000
        return ProjectionStatus(
            name=job.projection.name,
            version=job.projection.version,
            generation=job.generation,
            position=position,
            head=max(head, position),
            lag_events=max(head - position, 0),
            lag_s=lag_s,
            stalled_by=worker.stalled_by,
            dead_letters=letters.get(job.projection.name, 0),
        )

    async def parts(self) -> Sequence[Part]:
        """Ready once each is a member of its group and knows where to read."""
        absent = [worker.group for worker in self._workers if not worker.ready]
        log = Part(LOG, "down", f"Not yet: {', '.join(absent)}") if absent else Part(LOG, "up")
        return [log, *map(part_of, await self.status())]

    async def _answer(self, host: str, port: int) -> None:
        routes = operations.routes(parts=self.parts, exposition=self.metrics.exposition)
        nobody = _Nobody()
        edge = Edge(authenticator=nobody, progress=nobody, limits=RateLimits(enabled=False))
        config = uvicorn.Config(
            build(routes, edge), host=host, port=port, access_log=False, log_config=None
        )
        server = _Beside(config)
        serving = asyncio.ensure_future(server.serve())
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await serving


class _Beside(uvicorn.Server):
    """A server that leaves the signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of them."""
        yield


class _Nobody:
    """No route of a worker asks who somebody is, or waits for a view."""

    def verify(self, token: str) -> Identity:  # noqa: ARG002
        """See `Authenticator.verify`."""
        raise NotSignedIn

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> NoReturn:
        """See `Progress.reached`."""
        raise NotImplementedError


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
