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
from tests.cluster.refreshes import refreshes
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
    cluster: LocalCluster, *, shards: int = 1, searched: bool = True
) -> AsyncIterator[ElasticsearchSearchIndex]:
    """An index of its own, removed afterwards: emptying one would take longer."""
    namespace = f"test_search_index_{getpid()}_{next(_numbers)}"
    async with connected(url_of(cluster)) as connection:
        store = ElasticsearchSearchIndex(connection, namespace, shards=shards, searched=searched)
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


class Unsearched:
    """An index that nobody searches before its filler says that it is whole: the filler, a second
    one that takes over, and who searches then."""

    def __init__(self, cluster: LocalCluster, filler: ElasticsearchSearchIndex) -> None:
        self.filler = filler
        self._cluster = cluster

    @asynccontextmanager
    async def another(self, *, searched: bool) -> AsyncIterator[ElasticsearchSearchIndex]:
        """Another store of the same namespace, with a connection of its own."""
        async with connected(url_of(self._cluster)) as connection:
            yield ElasticsearchSearchIndex(connection, self.filler.namespace, searched=searched)

    async def refreshes(self) -> int:
        """How often its indexes were refreshed for searches."""
        return await refreshes(url_of(self._cluster), self.filler.namespace)


@pytest.fixture
async def unsearched(cluster: LocalCluster) -> AsyncIterator[Unsearched]:
    async with opened(cluster, searched=False) as filler:
        yield Unsearched(cluster, filler)


async def test_nothing_is_refreshed_batch_by_batch_while_nobody_searches(
    unsearched: Unsearched,
) -> None:
    posts = [facts.tweet("ada", "hello") for _ in range(8)]
    log = facts.recorded([facts.opened("ada"), *posts, facts.deleted(posts[0])])
    before = await unsearched.refreshes()

    await deliver(SEARCH_INDEX, unsearched.filler, *([one] for one in log))

    assert await unsearched.refreshes() == before
    async with unsearched.another(searched=True) as reader:
        await deliver(SEARCH_INDEX, reader, log)
        assert await unsearched.refreshes() > before


async def test_what_was_applied_while_nobody_searched_is_found_once_it_is_shown(
    unsearched: Unsearched, cluster: LocalCluster
) -> None:
    post, other = facts.tweet("ada", "hello #news"), facts.tweet("bob", "hello of morning")
    log = facts.recorded(
        [
            *(facts.opened(name) for name in ("ada", "bob", "eve")),
            *(post, other, facts.tweet("eve", "hello"), facts.edited(post, "look of #news")),
            *(facts.deleted(other), closed("eve"), facts.tweet("eve", "hello again")),
        ]
    )
    await deliver(SEARCH_INDEX, unsearched.filler, *([one] for one in log))

    await unsearched.filler.show()

    async with unsearched.another(searched=True) as reader, opened(cluster) as usual:
        await deliver(SEARCH_INDEX, usual, log)
        assert await view(reader) == await view(usual)
        assert await reader.checkpoint() == await usual.checkpoint() == {0: log[-1].position}
        assert await found(reader, "look") == [post.post_id]


async def test_whoever_takes_over_from_a_killed_filler_goes_on_where_it_was(
    unsearched: Unsearched,
) -> None:
    posts = [facts.tweet("ada", f"hello {number}") for number in range(4)]
    log = facts.recorded([facts.opened("ada"), *posts])
    await deliver(SEARCH_INDEX, unsearched.filler, log[:2], log[2:4])

    async with unsearched.another(searched=False) as next_one:
        assert await next_one.checkpoint() == {0: log[3].position}
        await deliver(SEARCH_INDEX, next_one, log[4:])
        assert await next_one.checkpoint() == {0: log[-1].position}

    async with unsearched.another(searched=True) as reader:
        assert sorted(await found(reader, "hello")) == sorted(post.post_id for post in posts)


async def test_the_posts_of_a_closed_account_go_though_no_search_found_them_yet(
    unsearched: Unsearched,
) -> None:
    """Whoever closes it may be another than who fills."""
    posts = [facts.tweet(name, "hello") for name in ("ada", "eve", "ada", "eve", "bob")]
    closings = facts.recorded([closed("ada")]), facts.recorded([closed("eve")])
    await deliver(SEARCH_INDEX, unsearched.filler, *([one] for one in facts.recorded(posts)))

    async with unsearched.another(searched=True) as other:
        await unsearched.filler.apply(SEARCH_INDEX.project(closings[0]), {})
        await other.apply(SEARCH_INDEX.project(closings[1]), {})
        await unsearched.filler.show()

        assert await found(other, "hello") == [posts[-1].post_id]


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
