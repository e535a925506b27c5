"""The follower graph in Neo4j keeps the contract."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from os import getpid
from random import Random
from typing import Final

import pytest

from domain.events import AccountFollowed, AccountUnfollowed, Recorded
from domain.ids import AccountId
from infra.cluster.engine import PASSWORD
from infra.neo4j import follower_graph
from infra.neo4j.connection import Neo4jConnection
from infra.neo4j.follower_graph import Neo4jFollowerGraph
from projections.follower_graph import FOLLOWER_GRAPH, FollowerGraph
from projections.projection import StoreUnavailable
from tests import facts
from tests.cluster.examples import fewer_examples
from tests.cluster.local import LocalCluster
from tests.contract.follower_graph_contract import (
    ALL,
    BOB,
    FollowerGraphContract,
    closed,
    expected,
    follows,
    relate,
    view,
)
from tests.contract.projecting import deliver

NAMESPACE: Final = f"test_follower_graph_{getpid()}"


@pytest.fixture(scope="module")
def url(cluster: LocalCluster) -> Iterator[str]:
    """Of an engine that has the schema: making it takes longer than an example."""
    url = f"bolt://neo4j:{PASSWORD}@127.0.0.1:{cluster.ports.neo4j}"

    async def having(schema: bool) -> None:
        async with connected(url) as store:
            await (store.create() if schema else store.drop())

    asyncio.run(having(schema=True))
    yield url
    asyncio.run(having(schema=False))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Neo4jFollowerGraph]:
    connection = Neo4jConnection.to(url)
    try:
        yield Neo4jFollowerGraph(connection, NAMESPACE)
    finally:
        await connection.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Neo4jFollowerGraph]:
    async with connected(url) as store:
        await store.empty()
        yield store


class TestNeo4jFollowerGraph(FollowerGraphContract):
    @pytest.fixture
    def empty_store(self, url: str) -> Callable[[], AbstractAsyncContextManager[FollowerGraph]]:
        return lambda: opened(url)

    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        FollowerGraphContract.test_any_delivery_of_a_history_gives_what_the_history_says, 6
    )

    async def test_owners_of_overlapping_partitions_may_write_at_once(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Again and again: of two writes without a lock one is lost every third time."""
        # Workers go on trying what was a deadlock's victim for as long as a busy engine needs.
        monkeypatch.setattr("infra.neo4j.connection.RETRY_S", 30.0)
        for chance in map(Random, range(6)):
            log = facts.Log()
            pairs = ["ada bob", "ada cleo", "bob cleo", "dan ada"] * 3
            for _, actor, target in follows(*pairs):
                follow = chance.random() < 0.6
                log.relate(AccountFollowed if follow else AccountUnfollowed, actor, target)
            log.record(closed("cleo"))
            history = log.recorded

            async with opened(url) as one, connected(url) as other, connected(url) as third:
                await asyncio.gather(
                    *(
                        deliver(FOLLOWER_GRAPH, owner, *_shuffled(history, chance))
                        for owner in (one, one, other, other, third)
                    )
                )

                assert await view(one) == expected(history)
                assert await other.checkpoint() == {0: history[-1].position}

    async def test_a_closed_account_may_have_more_edges_than_one_transaction_deletes(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(follower_graph, "SLICE", 3)
        log = facts.Log()
        strangers = [AccountId(facts.event_id()) for _ in range(10)]
        log.record(*(facts.followed_stranger(BOB, other) for other in strangers), closed("bob"))

        async with opened(url) as store:
            await deliver(FOLLOWER_GRAPH, store, log.recorded[:-1], log.recorded[-1:])

            assert await store.counts([BOB, *strangers]) == {}
            assert await store.edges(strangers[0], "followers", ALL, 9) == []

    async def test_nothing_is_left_of_a_namespace_that_is_dropped(self, url: str) -> None:
        connection = Neo4jConnection.to(url)
        store = Neo4jFollowerGraph(connection, f"{NAMESPACE}_dropped")
        await store.create()
        await relate(store, *follows("ada bob"))

        await store.drop()

        mentions = f"CONTAINS '{NAMESPACE}_dropped'"
        assert await store.checkpoint() == {}
        assert await connection.read(f"MATCH (n) WHERE labels(n)[0] {mentions} RETURN n") == []
        for schema in ("CONSTRAINTS", "INDEXES"):
            shown = f"SHOW {schema} YIELD name WHERE name {mentions} RETURN name"
            assert await connection.read(shown) == []
        await connection.close()


def _shuffled(history: Sequence[Recorded], chance: Random) -> list[list[Recorded]]:
    """All of it, in batches of two."""
    shuffled = chance.sample(history, len(history))
    return [shuffled[start : start + 2] for start in range(0, len(shuffled), 2)]


async def test_an_engine_that_does_not_answer_is_an_outage() -> None:
    async with connected("bolt://neo4j:nobody@127.0.0.1:1") as store:
        with pytest.raises(StoreUnavailable):
            await store.apply([], {0: 1})
        with pytest.raises(StoreUnavailable):
            await store.checkpoint()
