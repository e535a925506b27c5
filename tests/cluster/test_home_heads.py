"""What a process keeps of pulled authors is never older than the page that it stands on."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.events import AccountMuted, AccountUnfollowed, AccountUnmuted, Recorded
from domain.ids import AccountId, ItemId, PostId
from infra.redis.client import RedisClient, client
from infra.redis.home_heads import Head, merged
from infra.redis.home_timelines import RedisHomeTimelines
from infra.redis.scripts import Scripts
from projections.home_timelines import HOME_TIMELINES
from projections.items import Item
from tests import facts
from tests.cluster.local import LocalCluster
from tests.cluster.redis_homes import OpenedNamespace, address, opened_namespace
from tests.contract.home_timelines_contract import (
    ADA,
    ALL,
    DOINGS,
    EVERYBODY,
    be_kept_ready,
    follow,
    happen,
    home,
    item_of,
    relate,
    scrolled,
    scrolled_up,
)
from tests.contract.projecting import deliver
from tests.facts import deleted, reposted, tweet
from tests.histories import histories
from tests.model.home import Homes

# Much is posted by those who are followed.
POSTING = ("tweet", "tweet", *DOINGS, "tweet", "tweet", "repost", "delete")
HEADS = st.lists(
    st.tuples(st.frozensets(st.integers(1, 30), max_size=8), st.integers(1, 8)), max_size=4
)


pytestmark = pytest.mark.usefixtures("patient_redis")


@pytest.fixture(scope="module")
def port(cluster: LocalCluster) -> int:
    return cluster.ports.redis


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little is kept that pages go past it."""
    monkeypatch.setattr("infra.redis.home_heads.HEAD", 3)
    monkeypatch.setattr("infra.redis.home_pages.AUTHORS_MAX", 2)


async def every_step(port: int, history: Sequence[Recorded], threshold: float) -> None:
    """One process writes, another one reads after each event: it has the home of that moment."""
    redis = client(address(port))
    async with (
        aclosing(redis),
        opened_namespace(port, threshold=threshold) as opened,
    ):
        reading = another_process(opened, redis)
        for place, recorded in enumerate(history, 1):
            await deliver(HOME_TIMELINES, opened.store, [recorded])
            homes = Homes(history[:place])
            for reader in EVERYBODY[:2]:
                home = homes.home(reader)
                assert await reading.page(reader, ALL, 4) == home[:4]
                await reading.wait_for_rebuilds()
                assert await scrolled(reading, reader, 5) == home
                assert await scrolled_up(reading, reader, 7) == home
        await reading.close()


def another_process(opened: OpenedNamespace, redis: RedisClient) -> RedisHomeTimelines:
    """It knows of others' writes what Redis tells its own connection."""
    return RedisHomeTimelines(
        redis, opened.namespace, threshold=math.inf, now_ms=lambda: facts.NOON_MS
    )


@settings(max_examples=10)
@given(history=histories(min_steps=50, doings=POSTING), threshold=st.sampled_from((0, 2)))
def test_after_each_event_another_process_shows_the_home_of_that_moment(
    port: int, history: Sequence[Recorded], threshold: float
) -> None:
    asyncio.run(every_step(port, history, threshold))


@pytest.mark.usefixtures("few")
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(min_steps=50, doings=POSTING))
def test_pages_beyond_what_is_kept_are_as_right(port: int, history: Sequence[Recorded]) -> None:
    asyncio.run(every_step(port, history, 0))


async def test_what_changes_of_a_pulled_author_is_on_the_next_page(port: int) -> None:
    redis = client(address(port))
    async with aclosing(redis), opened_namespace(port, threshold=0) as opened:
        log, reading = facts.Log(), another_process(opened, redis)

        async def shown() -> list[Item]:
            await reading.page(ADA, ALL, 20)
            await reading.wait_for_rebuilds()
            return list(await reading.page(ADA, ALL, 20))

        await follow(opened, log, "ada", "bob")
        first, second, other = tweet("bob"), tweet("bob"), tweet("cleo")
        again = reposted("bob", other)
        homes = []
        for event in (first, other, second, again, deleted(first), deleted(other)):
            await happen(opened, log, event)
            homes.append(await shown())
        for fact in (AccountMuted, AccountUnmuted, AccountUnfollowed):
            await relate(opened, log, fact, "ada", "bob")
            homes.append(await shown())
        await reading.close()

    one, two, three = item_of(first), item_of(second), item_of(again)
    assert homes[:4] == [[one], [one], [two, one], [three, two, one]]
    assert homes[4:] == [[three, two], [two], [], [two], []]


async def test_what_changes_while_it_is_read_is_not_kept(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = client(address(port))
    called, late = Scripts.call_at, [tweet("bob")]
    async with aclosing(redis), opened_namespace(port, threshold=0) as opened:
        log, reading = facts.Log(), another_process(opened, redis)

        async def call_at(
            cell: Scripts, server: RedisClient, script: str, *told: Any, **by: Any
        ) -> Any:
            """Something is posted, and heard of, before who asked for heads has them."""
            answer = await called(cell, server, script, *told, **by)
            if script == "heads" and late:
                await happen(opened, log, late.pop())
                await server.ask("PING")
            return answer

        await follow(opened, log, "ada", "bob")
        await happen(opened, log, tweet("bob"))
        await reading.page(ADA, ALL, 20)
        await reading.wait_for_rebuilds()
        monkeypatch.setattr(Scripts, "call_at", call_at)
        before = await reading.page(ADA, ALL, 20)
        after = await reading.page(ADA, ALL, 20)
        await reading.close()

    assert (len(before), len(after), late) == (1, 2, [])


async def test_a_page_of_pulled_authors_asks_redis_once(port: int) -> None:
    async with opened_namespace(port, threshold=0) as opened:
        log = facts.Log()
        await follow(opened, log, "ada", "bob")
        made = [tweet("bob") for _ in range(3)]
        await happen(opened, log, *made)
        await be_kept_ready(opened)
        await home(opened)
        shared = opened.redis.shared
        assert shared is not None

        before = shared.asked
        found = await home(opened)

        assert found == [item_of(post) for post in made[::-1]]
        assert shared.asked - before == 1


@given(HEADS, st.integers(0, 31), st.integers(0, 31), st.integers(1, 6), st.booleans())
def test_what_is_merged_is_right_or_not_known(
    authors: Sequence[tuple[frozenset[int], int]],
    above: int,
    below: int,
    limit: int,
    upwards: bool,
) -> None:
    heads = [head(number, *kept) for number, kept in enumerate(authors)]
    posted = {item(number, one) for number, (ids, _) in enumerate(authors) for one in ids}
    above, below = 10 * above, 10 * below
    asked = sorted((one for one in posted if above < one.item_id < below), reverse=not upwards)

    found = merged(heads, above=above, below=below, limit=limit, upwards=upwards)

    assert found in (None, asked[:limit])
    assert found is not None or not all(one.whole for one in heads)
    lacking = (one for one in heads if not one.whole and sum(i < below for i in one.ids) < limit)
    assert found is not None or upwards or any(lacking)


def head(author: int, ids: frozenset[int], kept: int) -> Head:
    """The author's newest items, so many."""
    items = [item(author, one) for one in sorted(ids)[-kept:]]
    return Head([one.item_id for one in items], items, whole=kept >= len(ids))


def item(author: int, number: int) -> Item:
    """Items of several authors have different ids."""
    item_id = ItemId(10 * number + author)
    return Item(item_id, PostId(item_id), AccountId(author), None)
