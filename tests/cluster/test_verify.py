"""Proofs on the engines: sound views, one planted fault for each engine, and views that follow."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
import pytest_asyncio

from commands.ports import Append
from domain.ids import AccountId
from domain.topics import place_of
from infra.elasticsearch.connection import Write
from infra.engines import engines_of
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_replay import replayed
from infra.profiles.cluster_stores import opened
from infra.profiles.names import Names
from infra.reapplying import mended
from infra.settings import Settings
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.verifying import verdicts
from projections.projection import Projection
from streams.answers.proof import Verdict
from streams.pipeline import Pipeline
from streams.rebuild import rebuild
from streams.registry import BY_NAME
from tests import facts
from tests.cluster.local import LocalCluster
from tests.verified_town import history

ONE_OF_EACH_ENGINE: Final = (
    "home_timelines",  # Redis
    "author_timelines",  # Cassandra
    "follower_graph",  # Neo4j
    "search_index",  # Elasticsearch
    "account_directory",  # PostgreSQL
)
STEPS: Final = 120
SAMPLE: Final = 0
# Above every version that an event can have.
LAST: Final = (1 << 63) - 2

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Town:
    """An installation of its own on the engines: a log, and views that this process fills."""

    def __init__(self, settings: Settings, clients: Clients, log: ClusterLog, letters: Any) -> None:
        self.settings = settings
        self.clients = clients
        self._log = log
        self._letters = letters
        self.stores: dict[str, Any] = {}
        self.generations: dict[str, int] = {}

    async def open(self) -> None:
        self.feed = await self._log.feed()
        self.log = await self._log.event_log()
        await self.open_views(*ONE_OF_EACH_ENGINE)

    async def open_views(self, *names: str) -> None:
        for name in names:
            self.stores[name] = await opened(BY_NAME[name], self.clients, self.settings)

    async def follow(self, *names: str) -> None:
        """Bring these views to where the topics are now."""
        for name in names or self.stores:
            pipeline = Pipeline(
                BY_NAME[name], self.stores[name], self._letters, stalled=lambda *_: None
            )
            ends = await self._ends(BY_NAME[name])
            reached: dict[int, int] = {}
            while any(reached.get(one, 0) < end for one, end in ends.items()):
                await rebuild(pipeline, self.feed, ends, report=lambda _: None)
                reached = dict(await self.stores[name].checkpoint())

    async def _ends(self, projection: Projection) -> dict[int, int]:
        topics = {event.TOPIC for event in projection.events}
        ends = await self.feed.positions()
        return {one: at for one, at in ends.items() if place_of(one).topic in topics and at}

    async def verified(self, *names: str) -> dict[str, Verdict]:
        projections = [BY_NAME[name] for name in names or self.stores]
        found = verdicts(self.settings, projections, lambda *_: None, SAMPLE)
        return {one.projection: one async for one in found}

    async def mended(self, name: str) -> str:
        """Mend a view; how that was done."""
        projection = BY_NAME[name]
        found = await mended(self.settings, projection, lambda *_: None)
        if found.after is not None and found.after.is_sound:
            return "applied"
        _, number = await replayed(self.settings, projection, lambda _: None)
        self.stores[name] = await opened(projection, self.clients, self.settings, generation=number)
        self.generations[name] = number
        return "replayed"

    def namespace(self, name: str) -> str:
        return self.clients.names.of(BY_NAME[name], self.generations.get(name, 1))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    settings = Settings(
        profile="cluster",
        cluster_port=str(cluster.base_port),
        namespace=f"v{os.getpid()}",
        partitions="2",
    )
    letters = SqliteDeadLetters(tmp_path_factory.mktemp("verify") / "dead_letters.db")
    async with AsyncExitStack() as opening:
        opening.callback(letters.close)
        clients = Clients(engines_of(settings), Names(settings.namespace), opening)
        log = await ClusterLog.open(clients, opening, settings)
        made = Town(settings, clients, log, letters)
        await made.open()
        for event, version, _, _ in history(STEPS):
            if event.APPENDED:
                await made.log.append([Append(event.stream, version - 1, (event,))])
            else:
                await made.log.publish([event])
        await made.follow()
        yield made


def equal(verdict: Verdict) -> None:
    assert (verdict.error, verdict.differences, verdict.undecided) == (None, [], [])
    assert verdict.keys > 0
    assert verdict.view.shards == verdict.log.shards


async def test_a_view_on_each_engine_equals_the_log(town: Town) -> None:
    found = await town.verified()

    assert found.keys() == set(ONE_OF_EACH_ENGINE)
    for verdict in found.values():
        equal(verdict)


@pytest.mark.torture
async def test_every_view_on_the_engines_equals_the_log(town: Town) -> None:
    others = BY_NAME.keys() - town.stores.keys()
    await town.open_views(*others)
    await town.follow(*others)

    for verdict in (await town.verified(*others)).values():
        equal(verdict)


async def test_views_that_follow_are_not_taken_for_wrong_ones(town: Town) -> None:
    done = False

    async def live_on() -> None:
        tweets = [facts.tweet(name, "hello #verified") for name in facts.NAMES[:3]]
        await town.log.publish(tweets)
        for name in facts.NAMES[3:]:
            await town.log.publish([facts.tweet(name), facts.reposted(name, tweets[1])])
            await town.follow("author_timelines")
            if done:
                return

    living = asyncio.ensure_future(live_on())
    found = await town.verified("author_timelines")
    done = True
    await living
    await town.follow()

    verdict = found["author_timelines"]
    assert (verdict.error, verdict.differences) == (None, [])
    equal((await town.verified("author_timelines"))["author_timelines"])


async def lose_an_entry_of_a_timeline(town: Town) -> str:
    """Redis."""
    redis, ada = await town.clients.redis(), facts.account("ada")
    timeline = f"{town.namespace('home_timelines')}:timeline:{ada}"
    (item,) = await redis.zrange(timeline, 0, 0)
    assert isinstance(item, bytes)
    assert await redis.zrem(timeline, item) == 1
    return f"account/{ada}"


async def lose_a_row(town: Town) -> str:
    """Cassandra."""
    session, table = await town.clients.cassandra(), f"{town.namespace('author_timelines')}_items"
    rows = await session.execute(f"SELECT owner_id, list, bucket, item_id FROM {table}")  # noqa: S608
    row = next(one for one in rows if one.owner_id == facts.account("ada") and one.list == 0)
    await session.execute(
        f"DELETE FROM {table} USING TIMESTAMP ? "  # noqa: S608
        "WHERE owner_id = ? AND list = ? AND bucket = ? AND item_id = ?",
        (LAST, *row),
    )
    return f"account/{row.owner_id}"


async def make_a_phantom_edge(town: Town) -> str:
    """Neo4j."""
    graph, namespace = await town.clients.neo4j(), town.namespace("follower_graph")
    fay = AccountId(facts.account("fay"))
    await graph.change_schema(
        [
            f"MERGE (a:{namespace} {{id: {facts.account('ada')}}}) "
            f"MERGE (b:{namespace} {{id: {fay}}}) CREATE (a)-[:FOLLOWS_{namespace} "
            f"{{by: {facts.account('ada')}, to: {fay}, id: 7}}]->(b)"
        ]
    )
    return f"account/{facts.account('ada')}"


async def make_a_document_stale(town: Town) -> str:
    """Elasticsearch."""
    engine, namespace = await town.clients.elasticsearch(), town.namespace("search_index")
    tweet = facts.tweet("ada", "about nothing")
    await town.log.publish([tweet])
    await town.follow()
    (found,) = await engine.search(
        namespace, {"query": {"term": {"post_id": tweet.post_id}}, "sort": ["post_id"]}
    )
    assert found.sorts == [[tweet.post_id]]
    stale = {
        "post_id": tweet.post_id,
        "author_id": str(tweet.actor_id),
        "terms": "about hello",
        "has": [],
    }
    await engine.write(namespace, [Write(f"p{tweet.post_id}", LAST, stale)], refresh=True)
    return "term/nothing"


async def miscount(town: Town) -> str:
    """PostgreSQL."""
    database, namespace = await town.clients.postgresql(), town.namespace("account_directory")
    await database.rows(f"UPDATE {namespace}.total SET accounts = accounts + 1 RETURNING 1")  # noqa: S608
    return "list/accounts"


PLANTS: Sequence[tuple[str, Callable[[Town], Awaitable[str]]]] = (
    ("home_timelines", lose_an_entry_of_a_timeline),
    ("author_timelines", lose_a_row),
    ("follower_graph", make_a_phantom_edge),
    ("search_index", make_a_document_stale),
    ("account_directory", miscount),
)


@pytest.mark.parametrize(("name", "plant"), PLANTS)
async def test_a_fault_in_an_engine_is_found_and_named(
    town: Town, name: str, plant: Callable[[Town], Awaitable[str]]
) -> None:
    key = await plant(town)

    verdict = (await town.verified(name))[name]

    assert verdict.error is None
    assert key in {one.key for one in verdict.differences}


# What an engine has as newer than every event is not changed by events.
MENDED: Final = (
    ("home_timelines", lose_an_entry_of_a_timeline, "applied"),
    ("account_directory", miscount, "replayed"),
    pytest.param("author_timelines", lose_a_row, "replayed", marks=pytest.mark.torture),
    pytest.param("follower_graph", make_a_phantom_edge, "replayed", marks=pytest.mark.torture),
    pytest.param("search_index", make_a_document_stale, "replayed", marks=pytest.mark.torture),
)


@pytest.mark.parametrize(("name", "plant", "way"), MENDED)
async def test_a_fault_in_an_engine_is_mended(
    town: Town, name: str, plant: Callable[[Town], Awaitable[str]], way: str
) -> None:
    await plant(town)

    assert await town.mended(name) == way

    equal((await town.verified(name))[name])
