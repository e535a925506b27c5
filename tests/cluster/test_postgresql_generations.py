"""Generations in PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from domain.errors import NotFound
from infra.generations import AlreadyBuilt
from infra.postgresql.database import Database
from infra.postgresql.generations import PostgresqlGenerations
from infra.profiles.generation_watch import GenerationWatch
from projections.projection import StoreUnavailable
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, database_of, shared_tables, url_of
from tests.contract.generations_contract import MIRROR, TALLY, GenerationsContract
from tests.contract.replay_orders_contract import ReplayOrdersContract


@pytest.fixture
async def generations(cluster: LocalCluster) -> AsyncIterator[PostgresqlGenerations]:
    async with shared_tables(cluster) as namespace, database_of(cluster) as database:
        yield PostgresqlGenerations(database, url_of(cluster), namespace)


class TestPostgresqlGenerations(GenerationsContract):
    @pytest.fixture
    async def generations(self, cluster: LocalCluster) -> AsyncIterator[PostgresqlGenerations]:
        async with shared_tables(cluster) as namespace, database_of(cluster) as database:
            yield PostgresqlGenerations(database, url_of(cluster), namespace)


class TestPostgresqlReplayOrders(ReplayOrdersContract):
    @pytest.fixture
    async def known(self, cluster: LocalCluster) -> AsyncIterator[PostgresqlGenerations]:
        async with shared_tables(cluster) as namespace, database_of(cluster) as database:
            yield PostgresqlGenerations(database, url_of(cluster), namespace)


async def test_a_number_is_never_given_twice(generations: PostgresqlGenerations) -> None:
    """Somebody who stood still may still write what the first one of that number was given."""
    begun = await generations.begin(MIRROR)
    await generations.forget(begun)

    assert (await generations.begin(MIRROR)).number == begun.number + 1


async def test_what_is_dropped_does_not_come_back(generations: PostgresqlGenerations) -> None:
    begun = await generations.begin(MIRROR)
    await generations.mark(begun, "dropped")

    with pytest.raises(NotFound):
        await generations.swap(begun)

    assert (await generations.live(MIRROR)).number == 1


async def test_what_answers_cannot_be_dropped(generations: PostgresqlGenerations) -> None:
    await generations.swap(await generations.begin(MIRROR))
    live = await generations.live(MIRROR)

    assert not await generations.mark(live, "dropped")
    assert await generations.live(MIRROR) == live


async def test_one_process_at_a_time_builds_a_projection(
    generations: PostgresqlGenerations,
) -> None:
    async with generations.alone(MIRROR):
        with pytest.raises(AlreadyBuilt):
            async with generations.alone(MIRROR):
                pass
        async with generations.alone(TALLY):
            pass
    async with generations.alone(MIRROR):
        pass


async def test_who_watches_sees_every_change(generations: PostgresqlGenerations) -> None:
    watch = GenerationWatch(generations)
    await watch.look()
    assert watch.live(MIRROR).number == 1
    turn = watch.turn

    begun = await generations.begin(MIRROR)
    await generations.swap(begun)
    assert not turn.is_set()
    await watch.look()

    assert turn.is_set()
    assert [one[2:] for one in watch.of(MIRROR)] == [(1, "kept"), (2, "live")]
    turn = watch.turn
    await watch.look()
    assert not turn.is_set()


async def test_an_outage_is_told_as_one() -> None:
    database = Database(NOWHERE)
    unreachable = PostgresqlGenerations(database, NOWHERE, "nowhere")

    for asking in (unreachable.every(), unreachable.begin(MIRROR)):
        with pytest.raises(StoreUnavailable):
            await asking
    with pytest.raises(StoreUnavailable):
        async with unreachable.alone(MIRROR):
            pass
    await database.close()
