"""The search index in Elasticsearch keeps the contract."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from os import getpid
from typing import Final

import pytest

from infra.elasticsearch import search_index
from infra.elasticsearch.connection import ElasticsearchConnection, Refused, Write
from infra.elasticsearch.search_index import ElasticsearchSearchIndex
from projections.projection import StoreUnavailable
from projections.search_index import SEARCH_INDEX, SearchIndex
from tests import facts
from tests.cluster.examples import fewer_examples
from tests.cluster.local import LocalCluster
from tests.contract.people_search_contract import PeopleSearchContract
from tests.contract.projecting import deliver
from tests.contract.search_index_contract import (
    SearchIndexContract,
    apply,
    closed,
    found,
    view,
)
from tests.contract.search_matching_contract import SearchMatchingContract

_numbers: Final = count()


def url_of(cluster: LocalCluster) -> str:
    return f"http://127.0.0.1:{cluster.ports.elasticsearch}"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ElasticsearchConnection]:
    connection = ElasticsearchConnection.to(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def opened(
    cluster: LocalCluster, *, shards: int = 1
) -> AsyncIterator[ElasticsearchSearchIndex]:
    """An index of its own, removed afterwards: emptying one would take longer."""
    namespace = f"test_search_index_{getpid()}_{next(_numbers)}"
    async with connected(url_of(cluster)) as connection:
        store = ElasticsearchSearchIndex(connection, namespace, shards=shards)
        try:
            await store.create()
            yield store
        finally:
            await store.drop()


class TestElasticsearchSearchIndex(
    SearchIndexContract, SearchMatchingContract, PeopleSearchContract
):
    @pytest.fixture
    def empty_store(
        self, cluster: LocalCluster
    ) -> Callable[[], AbstractAsyncContextManager[SearchIndex]]:
        return lambda: opened(cluster)

    test_every_delivery_of_a_history_gives_the_same_view = fewer_examples(
        SearchIndexContract.test_every_delivery_of_a_history_gives_the_same_view, 5
    )

    async def test_owners_of_overlapping_partitions_may_write_at_once(
        self, cluster: LocalCluster
    ) -> None:
        """Also where the posts of one account are on several shards."""
        first, second = facts.tweet("ada", "hello #news"), facts.tweet("bob", "hello of morning")
        posts = [facts.tweet(name, "hello there") for name in ("ada", "bob", "cleo") * 3]
        log = facts.recorded(
            [
                *(facts.opened(name) for name in ("ada", "bob", "cleo")),
                *(first, second, facts.edited(first, "look of #news"), *posts),
                facts.edited(second, "good morning"),
                closed("ada"),
            ]
        )
        batches = [[recorded] for recorded in log]

        async with opened(cluster) as alone, opened(cluster, shards=3) as shared:
            await deliver(SEARCH_INDEX, alone, log)
            await asyncio.gather(
                deliver(SEARCH_INDEX, shared, *batches[::-1]),
                deliver(SEARCH_INDEX, shared, log[::2], log),
                deliver(SEARCH_INDEX, shared, log[1::2], *batches[-3:]),
            )

            assert await view(shared) == await view(alone)
            assert await shared.checkpoint() == {0: log[-1].position}

    async def test_a_closed_account_may_have_more_posts_than_are_removed_at_once(
        self, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search_index, "SLICE", 2)
        posts = [facts.tweet("ada", f"hello {number}") for number in range(5)]
        other = facts.tweet("bob", "hello")

        async with opened(cluster) as store:
            await apply(store, facts.opened("ada"), *posts, other)
            await apply(store, closed("ada"))

            assert await found(store, "hello") == [other.post_id]

    async def test_no_post_is_found_that_comes_before_during_or_after_the_closing(
        self, cluster: LocalCluster
    ) -> None:
        posts = [facts.tweet("ada", "hello") for _ in range(12)]

        async with opened(cluster) as store:
            await asyncio.gather(
                *(apply(store, post) for post in posts[:6]),
                apply(store, closed("ada")),
                *(apply(store, post) for post in posts[6:9]),
            )
            await apply(store, *posts[9:])

            assert await found(store, "hello") == []

    async def test_nothing_is_left_of_a_namespace_that_is_dropped(
        self, cluster: LocalCluster
    ) -> None:
        async with opened(cluster) as store:
            await store.create()
            await apply(store, facts.tweet("ada", "hello"))

            await store.drop()

            await store.drop()
            with pytest.raises(Refused):
                await store.checkpoint()


async def test_what_the_engine_refuses_is_a_bug_and_no_outage(cluster: LocalCluster) -> None:
    async with opened(cluster) as store, connected(url_of(cluster)) as connection:
        unknown = Write("1", 1, {"nobody_knows": 1})
        with pytest.raises(Refused):
            await connection.write(store.namespace, [unknown])


async def test_an_engine_that_does_not_answer_is_an_outage() -> None:
    async with connected("http://127.0.0.1:1") as connection:
        store = ElasticsearchSearchIndex(connection, "nowhere")
        with pytest.raises(StoreUnavailable):
            await store.apply([], {0: 1})
        with pytest.raises(StoreUnavailable):
            await store.checkpoint()
