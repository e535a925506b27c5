"""The follower graph in Neo4j with a cache before it keeps the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.cluster import test_neo4j_follower_graph as neo4j
from tests.cluster.cached import ComparedGraph, caches_on
from tests.cluster.examples import fewer_examples
from tests.cluster.local import LocalCluster
from tests.contract.follower_graph_contract import FollowerGraphContract

url = neo4j.url


@pytest.mark.torture
class TestCachedFollowerGraph(FollowerGraphContract):
    @pytest.fixture
    def empty_store(
        self, url: str, cluster: LocalCluster
    ) -> Callable[[], AbstractAsyncContextManager[ComparedGraph]]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[ComparedGraph]:
            async with neo4j.opened(url) as store, caches_on(cluster.ports.redis) as another:
                yield ComparedGraph(store, another())

        return opened

    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        FollowerGraphContract.test_any_delivery_of_a_history_gives_what_the_history_says, 2
    )
