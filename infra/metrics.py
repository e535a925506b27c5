"""Everything that is measured, and the only place where metrics have names.

The parts of the house know nothing of Prometheus: the composition root wraps their ports or hands
them a method of `Metrics` to call. Labels are few: templates, names of projections, statuses.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, Final, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from commands.ports import Append, EventLog, Receipt
from domain.events import Event, Recorded
from domain.positions import Vector
from projections.projection import Projection
from streams.pipeline import DeadLetters, Parked

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Lag(NamedTuple):
    """How far a projection is behind the log; `seconds` since the first event it lacks."""

    projection: str
    events: int
    seconds: float
    stalled: bool


class Metrics:
    """A registry and what fills it."""

    def __init__(self) -> None:
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
        self._parked = self._counter(
            "dead_letters", "Events parked because they could not be applied", "projection"
        )
        self._deliveries = self._counter(
            "fanout_deliveries", "Items put into home timelines", "way"
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram, Histogram | None]] = {}

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format."""
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

    def counted_dead_letters(self, dead_letters: DeadLetters) -> DeadLetters:
        """The dead letters, counted as they come."""
        return _CountedDeadLetters(dead_letters, self._parked)

    def watch(self, lags: Callable[[], Iterable[Lag]]) -> None:
        """Ask `lags` whenever the metrics are read."""
        self.registry.register(_LagCollector(lags))

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


class _CountedDeadLetters:
    def __init__(self, dead_letters: DeadLetters, counter: Counter) -> None:
        self._dead_letters = dead_letters
        self._counter = counter
        self.keys = dead_letters.keys

    async def park(self, parked: Sequence[Parked]) -> None:
        await self._dead_letters.park(parked)
        for letter in parked:
            self._counter.labels(letter.projection).inc()


class _LagCollector(Collector):
    """Lag is asked for, not kept: it changes while nothing happens."""

    def __init__(self, lags: Callable[[], Iterable[Lag]]) -> None:
        self._lags = lags

    def collect(self) -> Iterable[GaugeMetricFamily]:
        events = _gauge("lag_events", "Events of the log that are not applied yet")
        seconds = _gauge("lag_seconds", "Time since the first event that is not applied yet")
        stalled = _gauge("stalled", "1 while the projection cannot go on")
        for lag in self._lags():
            events.add_metric([lag.projection], lag.events)
            seconds.add_metric([lag.projection], lag.seconds)
            stalled.add_metric([lag.projection], lag.stalled)
        return (events, seconds, stalled)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing until asked: registering must not read stores that are not open yet."""
        return ()


def _gauge(name: str, about: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"starling_projection_{name}", about, labels=["projection"])
