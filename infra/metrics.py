"""Everything that is measured, and the only place where metrics have names: here, and for what is
on the engines only in `cluster_metrics.py`.

The parts of the house know nothing of Prometheus: the composition root wraps their ports or hands
them a method of `Metrics` to call. Labels are few: templates, names of projections, statuses.
"""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from commands.ports import Append, EventLog, Receipt
from domain.events import Event, Recorded
from domain.positions import Vector
from infra.breaker import Breaker
from infra.cluster_metrics import Caches, ClusterMetrics
from projections.projection import Projection
from read_api.ports import Projections

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Metrics:
    """A registry and what fills it: of `breakers` and `caches` whatever is in there when it is
    asked."""

    def __init__(
        self,
        projections: Projections | None = None,
        breakers: Sequence[Breaker] = (),
        caches: Sequence[Caches] = (),
    ) -> None:
        self._projections = projections
        self._breakers = breakers
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._answers = self._counter(
            "http_answers", "Answers by route and status", "route", "method", "status"
        )
        self._latency = self._histogram(
            "http_request_seconds", "From a request to its answer's start", "route", "method"
        )
        self._commands = self._histogram(
            "command_seconds", "Answering a command that succeeded", "route", "method"
        )
        self._log_append = self._histogram(
            "log_append_seconds", "From a command's events to their acknowledgement", "way"
        )
        self._log_events = self._counter("log_events", "Events acknowledged by the log")
        self._log_group = self._histogram(
            "log_group_events", "Events made durable together", sizes=SIZES
        )
        self._batch = self._histogram(
            "projection_batch_events", "Wanted events in a batch", "projection", sizes=SIZES
        )
        self._projecting = self._histogram(
            "projection_project_seconds", "Turning a batch into operations", "projection"
        )
        self._lag_events = self._gauge("lag_events", "Events of the log not applied yet")
        self._lag_seconds = self._gauge("lag_seconds", "Age of the oldest event not applied yet")
        self._stalled = self._gauge("stalled", "1 while it cannot go on")
        self._dead_letters = self._gauge("dead_letters", "Events parked: it could not apply them")
        self._deliveries = self._counter(
            "fanout_deliveries", "Items put into home timelines", "way"
        )
        self._taken = self._counter(
            "worker_events", "Events taken from the topics and applied, wanted or not", "projection"
        )
        self._batches = self._counter("worker_batches", "Batches of them", "projection")
        self._partitions = self._gauge("partitions", "Partitions that this worker reads")
        self.cluster = ClusterMetrics(self.registry, caches)
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram, Histogram | None]] = {}

    async def exposition(self) -> bytes:
        """All of it in Prometheus's text format. How the projections do is asked, not kept: lag
        grows while nothing happens."""
        for status in await self._projections.status() if self._projections else ():
            self._lag_events.labels(status.name).set(status.lag_events)
            self._lag_seconds.labels(status.name).set(status.lag_s)
            self._stalled.labels(status.name).set(status.stalled_by is not None)
            self._dead_letters.labels(status.name).set(status.dead_letters)
        self.cluster.asked(self._breakers)
        return generate_latest(self.registry)

    def observe(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Implements `web.observing.Observe`."""
        key = (route, method, status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = self._children_of(route, method, status)
        answers, latency, command = children
        answers.inc()
        latency.observe(seconds)
        if command is not None:
            command.observe(seconds)

    def committed(self, group: Sequence[Recorded]) -> None:
        """Note events that became durable together: for the embedded log's `on_commit`."""
        self._log_events.inc(len(group))
        self._log_group.observe(len(group))

    def delivered(self, count: int, *, way: str) -> None:
        """Note items put into home timelines, by `push` or `backfill`."""
        self._deliveries.labels(way).inc(count)

    def took(self, projection: str, events: int) -> None:
        """Note a batch that a worker applied. With `assigned` implements
        `streams.faust.observer.Observer`."""
        self._taken.labels(projection).inc(events)
        self._batches.labels(projection).inc()

    def assigned(self, projection: str, partitions: int) -> None:
        """Note how many partitions a worker reads from now on."""
        self._partitions.labels(projection).set(partitions)

    def regressed(self, projection: str, partitions: int) -> None:
        """See `ClusterMetrics.regressed`."""
        self.cluster.regressed(projection, partitions)

    def superseded(self, projection: str, partitions: int) -> None:
        """See `ClusterMetrics.superseded`."""
        self.cluster.superseded(projection, partitions)

    def measured_log(self, log: EventLog) -> EventLog:
        """The log, its acknowledgements timed."""
        return _MeasuredLog(log, self._log_append)

    def measured_projection(self, projection: Projection) -> Projection:
        """The projection, its batches counted and timed."""
        size = self._batch.labels(projection.name)
        seconds = self._projecting.labels(projection.name)

        def project(batch: Sequence[Recorded]) -> Sequence[Any]:
            size.observe(len(batch))
            with seconds.time():
                return projection.project(batch)

        return replace(projection, project=project)

    def _children_of(
        self, route: str, method: str, status: int
    ) -> tuple[Counter, Histogram, Histogram | None]:
        is_command = method in {"POST", "PUT", "PATCH", "DELETE"} and status < 300
        return (
            self._answers.labels(route, method, str(status)),
            self._latency.labels(route, method),
            self._commands.labels(route, method) if is_command else None,
        )

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"starling_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"starling_projection_{name}", about, ["projection"], registry=self.registry)

    def _histogram(
        self, name: str, about: str, *labels: str, sizes: Sequence[float] = SECONDS
    ) -> Histogram:
        return Histogram(f"starling_{name}", about, labels, buckets=sizes, registry=self.registry)


class _MeasuredLog:
    """An EventLog whose acknowledgements are timed; refusals and conflicts are not."""

    def __init__(self, log: EventLog, seconds: Histogram) -> None:
        self._log = log
        self._publish = seconds.labels("publish")
        self._append = seconds.labels("append")
        self.latest = log.latest
        self.history = log.history

    async def publish(self, events: Sequence[Event], *, receipt: Receipt | None = None) -> Vector:
        began = perf_counter()
        vector = await self._log.publish(events, receipt=receipt)
        self._publish.observe(perf_counter() - began)
        return vector

    async def append(self, appends: Sequence[Append], *, receipt: Receipt | None = None) -> Vector:
        began = perf_counter()
        vector = await self._log.append(appends, receipt=receipt)
        self._append.observe(perf_counter() - began)
        return vector
