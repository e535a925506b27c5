"""What every projection in PostgreSQL has from the tables it is kept in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from domain.events import AccountClosed, AccountFollowed, AccountUnfollowed, PostPosted
from domain.ids import millis_of
from infra.postgresql import database as module
from infra.postgresql.account_directory import PostgresqlAccountDirectory
from infra.postgresql.database import Database
from infra.postgresql.engagement import PostgresqlEngagement
from infra.postgresql.moderation import PostgresqlModeration
from infra.postgresql.trends import PostgresqlTrends
from projections.account_directory import DropAccount, SetProfile
from projections.engagement import ENGAGEMENT
from projections.projection import Store, StoreUnavailable
from tests import facts
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, database_of, new_namespace
from tests.contract.engagement_model import Reckoned, Subject

ADA = facts.account("ada")
STORES = (
    PostgresqlAccountDirectory,
    PostgresqlEngagement,
    PostgresqlModeration,
    PostgresqlTrends,
)


@pytest.fixture
async def database(cluster: LocalCluster) -> AsyncIterator[Database]:
    async with database_of(cluster) as database:
        yield database


@pytest.mark.parametrize("store", STORES)
async def test_no_server_is_an_outage(
    store: Callable[[Database, str], Store[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    database = Database(NOWHERE)

    with pytest.raises(StoreUnavailable):
        await store(database, "nowhere").apply([], {0: 1})
    with pytest.raises(StoreUnavailable):
        await store(database, "nowhere").checkpoint()

    await database.close()


async def test_a_bug_is_no_outage_and_changes_nothing(database: Database) -> None:
    store = PostgresqlAccountDirectory(database, new_namespace("bug"))
    await store.create()
    good = SetProfile(ADA, "ada", b"{}", 1)

    with pytest.raises(Exception, match="NUL") as told:
        await store.apply([DropAccount(ADA), SetProfile(ADA, "a\0b", b"{}", 1)], {0: 1})

    assert not isinstance(told.value, StoreUnavailable)
    assert await store.checkpoint() == {}
    await store.apply([good], {0: 1})
    assert await store.handles([ADA]) == {ADA: "ada"}
    await store.drop()


async def test_what_is_dropped_is_gone_and_can_be_made_again(database: Database) -> None:
    store = PostgresqlEngagement(database, new_namespace("dropped"))
    await store.create()
    await store.apply([], {1_000: 7})

    await store.create()
    assert await store.checkpoint() == {1_000: 7}
    await store.drop()
    await store.drop()

    await store.create()
    assert await store.checkpoint() == {}
    await store.drop()


async def test_generations_do_not_touch_each_other(database: Database) -> None:
    stores = [PostgresqlAccountDirectory(database, new_namespace("gen")) for _ in range(2)]
    for store in stores:
        await store.create()

    await stores[0].apply([SetProfile(ADA, "ada", b"{}", 1)], {0: 1})

    assert [await store.count() for store in stores] == [1, 0]
    for store in stores:
        await store.drop()


async def test_owners_at_the_same_time_count_what_one_alone_would(cluster: LocalCluster) -> None:
    log, random = _busy_hours(), Random(7)
    history = log.recorded
    namespace = new_namespace("owners")

    async def own(number: int) -> None:
        shuffled = random.sample(history, len(history))
        async with database_of(cluster) as database:
            store = PostgresqlEngagement(database, namespace)
            await store.create()
            for start in range(0, len(shuffled), 8):
                operations = ENGAGEMENT.project(shuffled[start : start + 8])
                await store.apply(operations, {1_000: start, 1_001 + number: start})

    await asyncio.gather(*(own(number) for number in range(4)))

    end_ms = millis_of(history[-1].event.event_id) + 1
    reckoned = Reckoned(history)
    posts: list[Subject] = [
        one.event.post_id for one in history if isinstance(one.event, PostPosted)
    ]
    async with database_of(cluster) as database:
        store = PostgresqlEngagement(database, namespace)
        for name in facts.NAMES[:4]:
            account_id = facts.account(name)
            series = await store.account_series(account_id, 0, end_ms, "hour")
            assert series == reckoned.series(account_id, "hour")
        for post_id in posts:
            series = await store.post_series(post_id, 0, end_ms, "hour")  # type: ignore[arg-type]
            assert series == reckoned.series(post_id, "hour")
        assert await store.tag_series("tea", 0, end_ms, "hour") == reckoned.series("tea", "hour")
        assert len(await store.checkpoint()) == 5
        await store.drop()


def _busy_hours() -> facts.Log:
    """Many people on few posts, some of which go."""
    log = facts.Log()
    names = facts.NAMES[:4]
    posts = [facts.tweet(name, f"#tea {number}") for name in names for number in range(3)]
    log.record(*posts)
    for name in names:
        log.record(*(facts.liked(name, post) for post in posts))
        log.record(*(facts.reply(name, post) for post in posts[:4]))
        for other in names:
            if other != name:
                log.relate(AccountFollowed, name, other)
    log.record(*(facts.unliked(names[0], post) for post in posts[::2]))
    log.relate(AccountUnfollowed, names[0], names[1])
    log.record(facts.deleted(posts[1]), facts.edited(posts[2], "#cake"))
    log.record(AccountClosed(event_id=facts.event_id(), actor_id=facts.account(names[3])))
    return log
