"""What the workers of one process tell people and machines, on a port of its own."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, Protocol

import uvicorn

from domain.errors import NotSignedIn
from domain.positions import Vector
from domain.topics import Place, place_of
from infra.breaker import Breaker
from infra.cluster_metrics import Caches, PartitionLag
from infra.metrics import Metrics
from infra.readiness import engine_part, part_of
from projections.projection import StoreUnavailable
from read_api.ports import ProjectionStatus
from streams.dead_letters import Build
from streams.faust.worker import Worker
from web import operations
from web.app import Edge, build
from web.limits import RateLimits
from web.operations import LOG, Part
from web.routing import Identity

ARCHIVE = "archive"
NOTHING: Final[Mapping[str, str]] = {}


class CountedLetters(Protocol):
    """Dead letters that can tell how many they are."""

    async def counts(self) -> Mapping[Build, int]:
        """How many each build has that has any. Raises StoreUnavailable."""


class Copies(Protocol):
    """The archive worker."""

    @property
    def gaps(self) -> Mapping[Place, str]:
        """What is lost, by partition."""


class Desk:
    """Implements `read_api.ports.Projections` for the workers that are at work here.

    Ready once the work has begun and each projection that is `expected` has a worker that is a
    member of its group and knows where to read. Without `letters` the engines are waited for,
    those that are `awaited` (by name, why), and `begin` says that they answer. `breakers`
    and `caches` may grow.
    """

    def __init__(
        self,
        letters: CountedLetters | None,
        now_ms: Callable[[], int],
        *,
        expected: Collection[str],
        breakers: Sequence[Breaker] = (),
        caches: Sequence[Caches] = (),
        awaited: Mapping[str, str] = NOTHING,
    ) -> None:
        self.metrics = Metrics(self, breakers, caches)
        self.archive: Copies | None = None
        self._letters = letters
        self._now_ms = now_ms
        self._expected = expected
        self._breakers = breakers
        self._awaited = awaited
        self._workers: list[Worker] = []

    def begin(self, letters: CountedLetters) -> None:
        """The engines answer: work begins."""
        self._letters = letters

    @contextmanager
    def at_work(self, worker: Worker) -> Iterator[None]:
        """Tell of this worker as long as the context lasts."""
        self._workers.append(worker)
        try:
            yield
        finally:
            self._workers.remove(worker)

    async def status(self) -> Sequence[ProjectionStatus]:
        """See `Projections.status`: of the partitions that are read here. A projection of which
        several generations are filled is told of by the one that is furthest behind."""
        letters: Mapping[Build, int] = {}
        if self._letters is not None:
            with suppress(StoreUnavailable):
                letters = await self._letters.counts()
        told: dict[str, ProjectionStatus] = {}
        for worker in self._workers:
            status = self._status(worker, letters)
            before = told.get(status.name)
            if before is None or before.lag_events <= status.lag_events:
                told[status.name] = status
        return list(told.values())

    def _status(self, worker: Worker, letters: Mapping[Build, int]) -> ProjectionStatus:
        name, version, generation = worker.build
        position, head = sum(worker.positions.values()), sum(worker.heads.values())
        since_ms = worker.waiting_since_ms
        lag_s = 0.0 if since_ms is None else max(self._now_ms() - since_ms, 0) / 1_000
        return ProjectionStatus(
            name=name,
            version=version,
            generation=generation,
            position=position,
            head=max(head, position),
            lag_events=max(head - position, 0),
            lag_s=lag_s,
            stalled_by=worker.stalled_by,
            dead_letters=letters.get(worker.build, 0),
        )

    async def parts(self) -> Sequence[Part]:
        """What `/readyz` says."""
        missing = self._missing()
        log = Part(LOG, "down", missing) if missing else Part(LOG, "up")
        engines = map(engine_part, self._breakers)
        return [log, *engines, *self._archive_part(), *map(part_of, await self.status())]

    def _missing(self) -> str:
        """What it takes yet until it is ready."""
        if self._awaited:
            return "; ".join(f"Waiting for {name} at {why}" for name, why in self._awaited.items())
        if self._letters is None:
            return "Starting"
        there = {worker.build.projection for worker in self._workers if worker.ready}
        absent = sorted(set(self._expected) - there)
        return f"Not yet: {', '.join(absent)}" if absent else ""

    def _archive_part(self) -> Sequence[Part]:
        if self.archive is None:
            return ()
        gaps = "; ".join(self.archive.gaps.values())
        return (Part(ARCHIVE, "degraded" if gaps else "up", gaps),)

    async def exposition(self) -> bytes:
        """What `/metrics` says."""
        self.metrics.cluster.partitions_read(
            PartitionLag(*worker.build, place_of(number).name, max(head - position, 0))
            for worker in self._workers
            for number, head in worker.heads.items()
            for position in (worker.positions.get(number, 0),)
        )
        if self.archive is not None:
            self.metrics.cluster.archived(len(self.archive.gaps))
        return await self.metrics.exposition()

    async def answer(self, host: str, port: int) -> None:
        """Answer there until it is cancelled."""
        routes = operations.routes(parts=self.parts, exposition=self.exposition)
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
