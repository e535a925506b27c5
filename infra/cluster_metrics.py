"""What is measured on the engines only: worker by worker, engine by engine, and the clock."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from infra.breaker import Breaker

BREAKER_STATES: Final = ("closed", "probing", "open")


class PartitionLag(NamedTuple):
    """How many events of a partition a build has not applied."""

    projection: str
    version: int
    generation: int
    partition: str
    events: int


class Counts(Protocol):
    """What came of asking caches."""

    def reads(self) -> Iterable[tuple[Sequence[str], str, int]]:
        """The store and the kind of value, an outcome, how many values had it."""


class Caches(Protocol):
    """What a process has before its stores."""

    @property
    def breakers(self) -> Sequence[Breaker]: ...
    @property
    def counts(self) -> Counts: ...


class _CacheReads(Collector):
    """Counted where it happens; asked for when metrics are."""

    def __init__(self, caches: Sequence[Caches]) -> None:
        self._caches = caches

    def collect(self) -> Iterator[CounterMetricFamily]:
        """See `Collector.collect`."""
        told = CounterMetricFamily(
            "starling_view_cache_reads",
            "Values asked for: near, this process had it; hit, Redis had it; miss, and put in; "
            "busy, being written or filled; bypass, Redis was not asked or did not answer",
            labels=("cache", "kind", "outcome"),
        )
        for caches in self._caches:
            for kind, outcome, number in caches.counts.reads():
                told.add_metric((*kind, outcome), number)
        yield told


class ClusterMetrics:
    """A part of `infra.metrics`, on its registry."""

    def __init__(self, registry: CollectorRegistry, caches: Sequence[Caches] = ()) -> None:
        self._registry = registry
        self._caches = caches
        registry.register(_CacheReads(caches))
        self._partition_lag = self._gauge(
            "worker_partition_lag_events",
            "Events of a partition that this worker reads and has not applied yet",
            "projection",
            "generation",
            "partition",
        )
        self._regressions = Counter(
            "starling_worker_checkpoint_regressions",
            "Partitions whose checkpoint in the store is behind what this worker applied there",
            ["projection"],
            registry=registry,
        )
        self._superseded = Counter(
            "starling_worker_superseded",
            "Partitions of which a store refused what this worker applied: they are another's",
            ["projection"],
            registry=registry,
        )
        self._gaps = self._gauge(
            "archive_gaps", "Partitions of which the archive of this process lacks records for ever"
        )
        self._clock = self._gauge(
            "clock_difference_seconds", "How much this clock is ahead of Kafka's, at the least"
        )
        self._breaker = self._gauge(
            "engine_breaker", "Calls to it: 0 go through, 1 one tries it, 2 are refused", "engine"
        )
        self._outages = self._gauge(
            "engine_outages", "Calls that it did not answer, since the start", "engine"
        )
        self._refused = self._gauge(
            "engine_refused", "Calls that were refused at once, since the start", "engine"
        )

    def regressed(self, projection: str, partitions: int) -> None:
        """Note checkpoints that went back."""
        self._regressions.labels(projection).inc(partitions)

    def partitions_read(self, lags: Iterable[PartitionLag]) -> None:
        """Note how far behind workers are, in all partitions that they read."""
        self._partition_lag.clear()
        for name, _version, generation, partition, events in lags:
            self._partition_lag.labels(name, str(generation), partition).set(events)

    def superseded(self, projection: str, partitions: int) -> None:
        """Note partitions that were another's when something was applied for them."""
        self._superseded.labels(projection).inc(partitions)

    def clock_compared(self, difference_ms: int) -> None:
        """Note by how much this clock differs from Kafka's."""
        self._clock.set(difference_ms / 1_000)

    def archived(self, gaps: int) -> None:
        """Note how many partitions lack records."""
        self._gaps.set(gaps)

    def asked(self, breakers: Iterable[Breaker]) -> None:
        """Note how the calls to engines went so far, those of the caches before them included."""
        of_caches = (one for caches in self._caches for one in caches.breakers)
        for breaker in (*breakers, *of_caches):
            self._breaker.labels(breaker.engine).set(BREAKER_STATES.index(breaker.state))
            self._outages.labels(breaker.engine).set(breaker.outages)
            self._refused.labels(breaker.engine).set(breaker.refused)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"starling_{name}", about, labels, registry=self._registry)
