"""A generation of the search index that is filled from the topics before anybody searches it."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import pytest
import pytest_asyncio

from domain.errors import Unavailable
from domain.ids import PostId
from domain.search_query import parse_query
from domain.topics import place_of
from infra.elasticsearch.connection import ElasticsearchConnection
from infra.elasticsearch.search_index import ElasticsearchSearchIndex
from infra.generations import Generation
from infra.kafka.feed import KafkaFeed
from infra.kafka.topics import KafkaTopics
from infra.postgresql.replay_orders import PostgresqlReplayOrders
from infra.profiles import waiting
from infra.profiles.cluster_filling import Ends, Filling
from infra.profiles.cluster_stores import opened
from infra.settings import Settings
from projections.projection import StoreUnavailable
from projections.search_index import SEARCH_INDEX, SearchIndex
from projections.windows import Window
from streams import rebuild
from streams.pipeline import Pipeline
from streams.rebuild import Rebuilt, rebuild_in_lanes
from tests.cluster.bulk_topics import Loading
from tests.cluster.local import LocalCluster, own_namespace
from tests.cluster.refreshes import refreshes

EVENTS: Final = 1_500
BATCH_MAX: Final = 25
LIMIT: Final = 100
QUERIES: Final = ("replayed", "#morning news", "-again", "from:crowd1", "of the day -#weather")


class Killed(Exception):
    """Whoever filled it has ended, and did nothing about that."""


class Place:
    """An installation with a log in its topics, and no workers."""

    def __init__(self, settings: Settings, filling: Filling, ends: Ends) -> None:
        self.filling = filling
        self.ends = ends
        self._settings = settings

    async def follow(self, number: int) -> None:
        """Fill a generation as those are filled that are searched meanwhile."""
        log = self.filling.shared
        feed = KafkaFeed(log.servers, log.codec, prefix=log.prefix)
        store = await self.store(number)
        pipeline = Pipeline(SEARCH_INDEX, store, log.dead_letters(), stalled=_stalled)
        await rebuild_in_lanes([pipeline], feed, self.ends, report=lambda _: None)

    async def store(self, number: int) -> ElasticsearchSearchIndex:
        """Of a generation, as whoever answers has it."""
        clients = self.filling.shared.clients
        store = await opened(SEARCH_INDEX, clients, self._settings, generation=number)
        assert isinstance(store, ElasticsearchSearchIndex)
        return store

    async def refreshes(self, number: int) -> int:
        """How often the indexes of a generation were refreshed for searches."""
        clients = self.filling.shared.clients
        return await refreshes(
            clients.engines.elasticsearch, clients.names.of(SEARCH_INDEX, number)
        )


@pytest_asyncio.fixture
async def place(cluster: LocalCluster) -> AsyncIterator[Place]:
    settings = Settings(
        profile="cluster",
        cluster_port=str(cluster.base_port),
        namespace=own_namespace("filling"),
        partitions="2",
    )
    async with Filling.opened(settings) as filling:
        async with Loading.of(filling.shared) as loading:
            await loading.load(EVENTS, appended=0, texts=None)
        topics = {event.TOPIC for event in SEARCH_INDEX.events}
        ends = {place.number: end for place, end in (await filling.shared.topics.ends()).items()}
        wanted = {one: end for one, end in ends.items() if end and place_of(one).topic in topics}
        yield Place(settings, filling, wanted)


async def test_a_filling_killed_between_batches_goes_on_where_it_was_and_then_all_is_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BATCH_MAX", BATCH_MAX)
    total = sum(place.ends.values())
    one = Generation(SEARCH_INDEX.name, SEARCH_INDEX.version, 2, "building")
    first, second = list[Rebuilt](), list[Rebuilt]()

    def until_killed(rebuilt: Rebuilt) -> None:
        first.append(rebuilt)
        if rebuilt.done > total / 2:
            raise Killed

    with pytest.raises(Killed):
        await place.filling.fill_as_told(one, place.ends, until_killed)
    await place.filling.fill_as_told(one, place.ends, second.append)
    refreshed = await place.refreshes(one.number)
    await place.follow(3)

    assert total / 2 < first[-1].done <= second[0].done < total == second[-1].done
    assert len(first) + len(second) > refreshed
    filled, followed = await place.store(2), await place.store(3)
    found = await view(filled)
    assert found == await view(followed)
    assert len(found[0]) == LIMIT
    assert await filled.checkpoint() == place.ends
    await filled.drop()
    await followed.drop()


async def test_engines_that_are_away_at_its_beginning_and_its_end_are_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "RETRY_S", 0.0)
    one = Generation(SEARCH_INDEX.name, SEARCH_INDEX.version, 4, "building")
    away = (
        away_once(monkeypatch, PostgresqlReplayOrders, "begin", StoreUnavailable),
        away_once(monkeypatch, KafkaTopics, "describe", Unavailable),
        away_once(monkeypatch, ElasticsearchConnection, "create_index", StoreUnavailable),
        away_once(monkeypatch, ElasticsearchConnection, "search", StoreUnavailable),
        away_once(monkeypatch, ElasticsearchConnection, "write", StoreUnavailable),
        away_once(monkeypatch, ElasticsearchConnection, "refresh", StoreUnavailable),
    )

    await place.filling.fill_as_told(one, place.ends, lambda _: None)

    assert min(calls.count for calls in away) > 1
    store = await place.store(one.number)
    assert await store.checkpoint() == place.ends
    await store.drop()


class Calls:
    count = 0


def away_once(
    monkeypatch: pytest.MonkeyPatch, engine: type, name: str, outage: Callable[[str], Exception]
) -> Calls:
    """The first call fails; how many there were."""
    ask, calls = getattr(engine, name), Calls()

    async def asked(*arguments: Any, **named: Any) -> Any:
        calls.count += 1
        if calls.count == 1:
            raise outage("the engine is away")
        return await ask(*arguments, **named)

    monkeypatch.setattr(engine, name, asked)
    return calls


async def view(store: SearchIndex) -> Sequence[Sequence[PostId]]:
    return [await store.newest_posts(parse_query(query), Window(), LIMIT) for query in QUERIES]


def _stalled(_name: str, error: Exception) -> None:
    raise AssertionError from error
