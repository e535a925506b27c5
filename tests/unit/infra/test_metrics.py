"""Metrics: what happens shows under stable names with few labels."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from commands.ports import Append, VersionConflict
from domain.events import Recorded
from infra.breaker import Breaker
from infra.metrics import Metrics
from infra.redis.view_cache_counts import CacheCounts, Kind
from projections.author_timelines import AUTHOR_TIMELINES, AddPost
from projections.projection import StoreUnavailable
from read_api.ports import ProjectionStatus
from tests.facts import account, recorded, tweet
from tests.fakes import FakeEventLog


class KnownProjections:
    """Implements `read_api.ports.Projections`: one, which may be changed."""

    def __init__(self) -> None:
        self.one = ProjectionStatus("trends", 1, 1, 7, 7, 0, 0.0, None, 0)

    async def status(self) -> Sequence[ProjectionStatus]:
        return [self.one]


async def samples(metrics: Metrics, *names: str) -> dict[str, float]:
    """Sample with its labels -> value, of the metrics that have these names."""
    lines = (await metrics.exposition()).decode().splitlines()
    values = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {
        sample: float(value)
        for sample, _, value in values
        if sample.partition("{")[0] in {f"starling_{name}" for name in names}
    }


async def test_answers_are_counted_by_route_and_status() -> None:
    metrics = Metrics()
    for status in (200, 200, 404):
        metrics.observe(route="/v1/posts/{id:id}", method="GET", status=status, seconds=0.002)

    assert await samples(metrics, "http_answers_total", "http_request_seconds_count") == {
        'starling_http_answers_total{method="GET",route="/v1/posts/{id:id}",status="200"}': 2,
        'starling_http_answers_total{method="GET",route="/v1/posts/{id:id}",status="404"}': 1,
        'starling_http_request_seconds_count{method="GET",route="/v1/posts/{id:id}"}': 3,
    }
    assert await samples(metrics, "command_seconds_count") == {}


async def test_commands_that_succeeded_have_a_latency_of_their_own() -> None:
    metrics = Metrics()
    metrics.observe(route="/v1/tweets", method="POST", status=201, seconds=0.004)
    metrics.observe(route="/v1/tweets", method="POST", status=422, seconds=9.0)

    assert await samples(metrics, "command_seconds_sum") == {
        'starling_command_seconds_sum{method="POST",route="/v1/tweets"}': pytest.approx(0.004)
    }


async def test_the_log_is_timed_and_answers_as_before() -> None:
    metrics, log = Metrics(), FakeEventLog(on_commit=())
    measured = metrics.measured_log(log)
    post = tweet("ada")

    vector = await measured.publish([post])
    log.failures.append(VersionConflict("busy"))
    with pytest.raises(VersionConflict):
        await measured.append([Append(post.stream, 0, (post,))])

    assert vector
    assert await measured.latest(post.stream) == await log.latest(post.stream)
    assert await samples(metrics, "log_append_seconds_count") == {
        'starling_log_append_seconds_count{way="publish"}': 1,
        'starling_log_append_seconds_count{way="append"}': 0,
    }


async def test_groups_of_the_log_are_counted_as_they_are_committed() -> None:
    metrics = Metrics()
    log = FakeEventLog(on_commit=[metrics.committed])

    await log.publish([tweet("ada"), tweet("bob")])

    assert await samples(metrics, "log_events_total", "log_group_events_sum") == {
        "starling_log_events_total": 2,
        "starling_log_group_events_sum": 2,
    }


async def test_a_measured_projection_projects_as_before() -> None:
    metrics = Metrics()
    measured = metrics.measured_projection(AUTHOR_TIMELINES)
    post = tweet("ada")
    batch: list[Recorded] = recorded([post])

    operations = measured.project(batch)

    assert operations == [AddPost(account("ada"), post.post_id, is_reply=False)]
    assert measured.name == AUTHOR_TIMELINES.name
    assert await samples(
        metrics, "projection_batch_events_sum", "projection_project_seconds_count"
    ) == {
        'starling_projection_batch_events_sum{projection="author_timelines"}': 1,
        'starling_projection_project_seconds_count{projection="author_timelines"}': 1,
    }


async def test_deliveries_are_counted_by_their_way() -> None:
    metrics = Metrics()
    metrics.delivered(300, way="push")

    assert await samples(metrics, "fanout_deliveries_total") == {
        'starling_fanout_deliveries_total{way="push"}': 300
    }


async def test_how_projections_do_is_asked_when_the_metrics_are_read() -> None:
    projections = KnownProjections()
    metrics = Metrics(projections)
    names = ("lag_events", "lag_seconds", "stalled", "dead_letters")

    projections.one = ProjectionStatus("trends", 1, 1, 7, 16, 9, 2.5, "no answer", 3)

    assert await samples(metrics, *(f"projection_{name}" for name in names)) == {
        'starling_projection_lag_events{projection="trends"}': 9,
        'starling_projection_lag_seconds{projection="trends"}': 2.5,
        'starling_projection_stalled{projection="trends"}': 1,
        'starling_projection_dead_letters{projection="trends"}': 3,
    }


async def test_how_engines_do_is_told_by_their_breakers() -> None:
    redis, kafka = Breaker("Redis"), Breaker("Kafka")
    breakers = [redis]
    metrics = Metrics(breakers=breakers)
    breakers.append(kafka)
    for _ in range(5):
        with suppress(StoreUnavailable), redis.passing():
            raise StoreUnavailable
    with suppress(StoreUnavailable), redis.passing():
        pytest.fail("it goes through")

    assert await samples(metrics, "engine_breaker", "engine_outages", "engine_refused") == {
        'starling_engine_breaker{engine="Redis"}': 2,
        'starling_engine_breaker{engine="Kafka"}': 0,
        'starling_engine_outages{engine="Redis"}': 5,
        'starling_engine_outages{engine="Kafka"}': 0,
        'starling_engine_refused{engine="Redis"}': 1,
        'starling_engine_refused{engine="Kafka"}': 0,
    }


class KnownCaches:
    """Those of one process, nothing behind them."""

    def __init__(self) -> None:
        self.breakers = [Breaker("Redis (the views' cache)")]
        self.counts = CacheCounts()


async def test_caches_of_views_tell_what_came_of_reads_and_of_their_way_to_redis() -> None:
    opened: list[KnownCaches] = []
    metrics, caches = Metrics(caches=opened), KnownCaches()
    assert await samples(metrics, "view_cache_reads_total", "engine_breaker") == {}

    opened.append(caches)
    cards = caches.counts.of(Kind("post_cards", "card"))
    caches.counts.of(Kind("post_cards", "never read"))
    cards.note(near=3, hits=5, misses=2, others=1, bypassed=False)
    cards.note(near=0, hits=0, misses=0, others=7, bypassed=True)

    assert await samples(metrics, "view_cache_reads_total", "engine_breaker") == {
        f'starling_view_cache_reads_total{{cache="post_cards",kind="card",outcome="{outcome}"}}': n
        for outcome, n in (("near", 3), ("hit", 5), ("miss", 2), ("busy", 1), ("bypass", 7))
    } | {'starling_engine_breaker{engine="Redis (the views\' cache)"}': 0}
