"""Home timelines in Redis keep the contract, stay small, and bear several writers at once."""

import asyncio
import math
import secrets
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import ID_MAX, IMPORT_WORKER, AccountId, PostId, compose
from infra.redis.client import client
from infra.redis.home_open_pushes import OPEN_MAX
from infra.redis.scripts import Call, Scripts
from projections.home_timelines import AddPost, SetTie
from tests import facts
from tests.cluster.local import LocalCluster
from tests.cluster.redis_homes import (
    address,
    is_unavailable,
    opened_namespace,
    write_and_read_at_once,
)
from tests.contract.home_timelines_contract import (
    ADA,
    ALL,
    BOB,
    CLEO,
    DOINGS,
    THRESHOLDS,
    HomeTimelinesContract,
    Opened,
    be_kept_ready,
    follow,
    happen,
    home,
    posts,
    scrolled,
    scrolled_up,
)
from tests.facts import tweet
from tests.histories import deliveries, histories

MOMENT_OF_2012_MS = 1_341_100_972_000


pytestmark = pytest.mark.usefixtures("patient_redis")


class TestRedisHomeTimelines(HomeTimelinesContract):
    @pytest.fixture(autouse=True)
    def _redis(self, cluster: LocalCluster) -> None:
        self.port = cluster.ports.redis

    def opened(
        self, *, threshold: float = math.inf, depth: int = 800
    ) -> AbstractAsyncContextManager[Opened]:
        return opened_namespace(self.port, threshold=threshold, depth=depth)


@pytest.fixture(scope="module")
def port(cluster: LocalCluster) -> int:
    return cluster.ports.redis


async def test_only_readers_who_were_seen_are_pushed_to(port: int) -> None:
    async with opened_namespace(port) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await happen(opened, log, tweet("bob"))
        unseen = await opened.entries(ADA)
        await be_kept_ready(opened, ADA)

        await happen(opened, log, tweet("bob"))
        await home(opened)

        assert (unseen, await opened.entries(ADA, BOB)) == (0, 2)


async def test_posts_of_large_authors_are_pushed_to_themselves_alone(port: int) -> None:
    async with opened_namespace(port, threshold=1) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob", "ada")
        await be_kept_ready(opened, ADA)
        before = await opened.entries(ADA)

        await happen(opened, log, tweet("bob"), tweet("ada"))

        assert await opened.entries(ADA) == before + 1


async def test_what_is_kept_ready_is_bounded(port: int) -> None:
    async with opened_namespace(port, depth=8) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await follow(opened, log, "cleo", "bob")
        for reader in (ADA, CLEO):
            await be_kept_ready(opened, reader)

        for _ in range(100):
            await happen(opened, log, tweet("bob"))

        assert await opened.entries(ADA, CLEO) <= 2 * (8 + 3)


@pytest.mark.parametrize(
    "first_id", [1, compose(MOMENT_OF_2012_MS, IMPORT_WORKER, 0), ID_MAX - 800]
)
async def test_an_entry_takes_at_most_12_bytes(port: int, first_id: int) -> None:
    async with opened_namespace(port) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await be_kept_ready(opened, ADA)
        ids = [PostId(first_id + number) for number in range(800)]

        await opened.store.apply([AddPost(BOB, post_id) for post_id in ids], {})

        assert await posts(opened) == ids[:-101:-1]

        key = opened.key("cache", ADA)
        used = await opened.redis.memory_usage(key, samples=0)
        assert used is not None
        assert used / 800 <= 12


async def test_readers_who_stay_away_are_forgotten_and_others_are_not(port: int) -> None:
    async with opened_namespace(port) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await follow(opened, log, "cleo", "bob")
        for reader in (ADA, CLEO):
            await be_kept_ready(opened, reader)
        await happen(opened, log, tweet("bob"))
        await opened.pass_days(10)
        await be_kept_ready(opened, ADA)
        await opened.pass_days(10)

        await happen(opened, log, tweet("bob"))

        assert await opened.entries(CLEO) == 0
        assert await opened.entries(ADA) > 0


async def test_ids_that_come_out_of_order_are_put_in_order_once(port: int) -> None:
    async with opened_namespace(port) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await be_kept_ready(opened, ADA)
        made = [tweet("bob") for _ in range(300)]
        for start in (0, 200, 100):
            await happen(opened, log, *made[start : start + 100])
        first = await posts(opened)
        near = [tweet("bob") for _ in range(4)]
        for post in (near[1], near[0], near[3], near[2], near[3]):
            await happen(opened, log, post)

        assert first == [post.post_id for post in made[:-101:-1]]
        assert await posts(opened) == [post.post_id for post in [*made, *near][:-101:-1]]
        kept = await opened.redis.lrange(opened.key("cache", ADA), 0, -1)
        assert [int(one) for one in kept if int(one) > 0] == [p.post_id for p in [*made, *near]]


async def test_a_post_to_more_than_redis_does_at_once_is_seen_at_once_and_reaches_all(
    port: int,
) -> None:
    followers = [AccountId(facts.event_id()) for _ in range(700)]
    ties = [SetTie(reader, BOB, True, False, 1) for reader in followers]
    async with opened_namespace(port, at_once=1) as opened:
        await opened.store.apply(ties, {})
        for reader in followers[::50]:
            await be_kept_ready(opened, reader)
        before = await opened.entries(*followers)

        await opened.store.apply([AddPost(BOB, PostId(facts.event_id()))], {})
        seen = [len(await home(opened, reader)) for reader in followers[::50]]
        left = await opened.redis.hlen(f"{opened.namespace}:open_pushes")
        await opened.store.wait_for_pushes()

        assert (set(seen), left) == ({1}, 1)
        assert await opened.entries(*followers) == before + len(followers[::50])
        assert {len(await home(opened, reader)) for reader in followers[::50]} == {1}


async def test_a_push_whose_process_died_is_gone_on_with(port: int) -> None:
    async with opened_namespace(port, at_once=1) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await follow(opened, log, "cleo", "bob")
        for reader in (ADA, CLEO):
            await be_kept_ready(opened, reader)
        await happen(opened, log, tweet("bob"))

        await opened.reopen(math.inf)
        await opened.store.create()
        await opened.store.wait_for_pushes()

        assert await opened.entries(ADA, CLEO) == 4
        assert await opened.redis.hlen(f"{opened.namespace}:open_pushes") == 0


async def test_batches_wait_where_too_many_pushes_are_open(port: int) -> None:
    async with opened_namespace(port, at_once=1) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await follow(opened, log, "cleo", "bob")
        await be_kept_ready(opened, ADA)

        await happen(opened, log, *(tweet("bob") for _ in range(OPEN_MAX + 9)))

        assert await opened.redis.hlen(f"{opened.namespace}:open_pushes") <= OPEN_MAX
        assert len(await posts(opened)) == OPEN_MAX + 9


async def test_a_page_read_while_batches_are_applied_has_no_gap(port: int) -> None:
    made = [tweet("bob") for _ in range(300)]
    ids = [post.post_id for post in made]
    async with opened_namespace(port, depth=20) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")

        async def post_all() -> None:
            for number, post in enumerate(made):
                await happen(opened, log, post)
                if number % 25 == 0:
                    await opened.store.evict([ADA])

        writer = asyncio.create_task(post_all())
        pages = []
        while not writer.done():
            pages.append([item.post_id for item in await opened.store.page(ADA, ALL, 30)])
        await writer

    for page in pages:
        newest = ids.index(page[0]) + 1 if page else 0
        assert page == ids[max(newest - 30, 0) : newest][::-1]


async def test_a_home_that_two_build_at_once_is_built(port: int) -> None:
    async with opened_namespace(port) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await happen(opened, log, tweet("bob"))
        other = opened.open(math.inf)

        await asyncio.gather(opened.store.page(ADA, ALL, 20), other.page(ADA, ALL, 20))
        await opened.store.wait_for_rebuilds()
        await other.wait_for_rebuilds()

        about = await opened.redis.hgetall(opened.key("about", ADA))
        assert b"building" not in about
        assert await opened.entries(ADA) == 1


async def test_a_home_whose_builder_died_is_built_later(port: int) -> None:
    async with opened_namespace(port) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await happen(opened, log, tweet("bob"))
        await opened.redis.hset(opened.key("about", ADA), mapping={"floor": 0, "building": 0})
        await opened.redis.hset(opened.key("about", ADA), "since_ms", facts.NOON_MS)
        await be_kept_ready(opened)
        before = await opened.entries(ADA)
        await opened.pass_days(1)

        await be_kept_ready(opened)

        assert (before, await opened.entries(ADA)) == (0, 1)


@settings(max_examples=15)
@given(st.data(), st.sampled_from(THRESHOLDS), st.sampled_from((1, 10_000)))
def test_two_writers_at_once_and_readers_between_come_to_the_same_homes(
    port: int, data: st.DataObject, threshold: float, at_once: int
) -> None:
    history = data.draw(histories(min_steps=40, doings=DOINGS))
    batches = [data.draw(deliveries(history)), data.draw(deliveries(history))]
    opened = opened_namespace(port, threshold=threshold, depth=3, at_once=at_once)
    asyncio.run(write_and_read_at_once(opened, history, batches))


async def test_a_store_that_nobody_listens_for_is_unavailable() -> None:
    await is_unavailable(client(address(1)))


async def test_scripts_that_redis_has_forgotten_are_handed_over_again(port: int) -> None:
    async with client(address(port)) as redis:
        text = f"return ARGV[1] .. '{secrets.token_hex()}'"
        scripts = Scripts(redis, "none", {"echo": text})

        one = await scripts.call("echo", "a")
        scripts = Scripts(redis, "none", {"echo": f"{text} "})
        two = await scripts.call_all([Call("echo", ["a"]), Call("echo", ["b"])])

    assert one == two[0] != two[1]


async def test_dropping_leaves_nothing_and_other_namespaces_alone(port: int) -> None:
    async with opened_namespace(port) as opened, opened_namespace(port) as other:
        for one in (opened, other):
            log = facts.Log()
            await follow(one, log, "ada", "bob")
            await be_kept_ready(one)
            await happen(one, log, tweet("bob"))

        await opened.store.drop()

        assert await opened.redis.keys(f"{opened.namespace}:*") == []
        assert await opened.store.checkpoint() == {}
        assert len(await posts(other)) == 1


async def test_posts_of_before_and_after_2018_stand_in_their_order(port: int) -> None:
    async with opened_namespace(port, depth=4) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        await be_kept_ready(opened, ADA)
        ids = [PostId(one) for one in (1, 9, 10**17, 10**18 - 1, 10**18, 10**18 + 1, ID_MAX - 1)]
        mixed = [ids[place] for place in (3, 6, 0, 4, 2, 5, 1)]

        await opened.store.apply([AddPost(BOB, post_id) for post_id in mixed], {})
        scrolling = [item.post_id for item in await scrolled(opened.store, ADA, 2)]
        rising = [item.post_id for item in await scrolled_up(opened.store, ADA, 2)]

        assert scrolling == rising == ids[::-1]
        assert [(await opened.store.find(ADA, one)).author_id for one in ids] == [BOB] * len(ids)
