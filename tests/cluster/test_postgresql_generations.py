"""Generations in PostgreSQL."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

import pytest

from domain.errors import NotFound
from infra.generations import AlreadyBuilt
from infra.postgresql.database import Database
from infra.postgresql.generations import PostgresqlGenerations
from infra.postgresql.moments import PostgresqlMoments
from infra.profiles import generation_watch
from infra.profiles.generation_watch import GenerationWatch
from projections.projection import StoreUnavailable
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, database_of, shared_tables, url_of
from tests.contract.generations_contract import MIRROR, TALLY, GenerationsContract
from tests.contract.replay_orders_contract import ReplayOrdersContract

WAIT_S: Final = 120.0
AGAIN_S: Final = 0.02
HOLD: Final = """
import asyncio, sys
from infra.generations import Generation
from infra.postgresql.database import Database
from infra.postgresql.generations import PostgresqlGenerations

async def hold(url, namespace, name, version, number):
    generations = PostgresqlGenerations(Database(url), url, namespace)
    one = Generation(name, int(version), int(number), "building")
    async with generations.orders.building(one):
        await asyncio.Event().wait()

asyncio.run(hold(*sys.argv[1:]))
"""


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
    async def tables(self, cluster: LocalCluster) -> AsyncIterator[tuple[Database, str]]:
        async with shared_tables(cluster) as namespace, database_of(cluster) as database:
            yield database, namespace

    @pytest.fixture
    def known(self, cluster: LocalCluster, tables: tuple[Database, str]) -> PostgresqlGenerations:
        database, namespace = tables
        return PostgresqlGenerations(database, url_of(cluster), namespace)

    @pytest.fixture
    def moments(self, tables: tuple[Database, str]) -> PostgresqlMoments:
        return PostgresqlMoments(*tables)


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


async def test_the_death_of_who_builds_is_seen(cluster: LocalCluster) -> None:
    """As another process has it, which dies without a word: the server hears of it by itself."""
    async with shared_tables(cluster) as namespace, database_of(cluster) as database:
        generations = PostgresqlGenerations(database, url_of(cluster), namespace)
        await _seen_to_die(generations, [url_of(cluster), namespace])


async def _seen_to_die(generations: PostgresqlGenerations, where: Sequence[str]) -> None:
    one = await generations.begin(MIRROR)
    await generations.orders.begin(one)

    async def seen(*, running: bool) -> None:
        async with asyncio.timeout(WAIT_S):
            while [each.is_running for each in await generations.orders.under_way()] != [running]:
                await asyncio.sleep(AGAIN_S)

    told = [sys.executable, "-c", HOLD, *where, *map(str, one[:3])]
    builder = await asyncio.create_subprocess_exec(*told)
    try:
        await seen(running=True)
    finally:
        builder.kill()
        await builder.wait()
    await seen(running=False)

    async with generations.alone(MIRROR), generations.orders.building(one):
        await seen(running=True)


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


async def test_who_listens_hears_of_every_change(generations: PostgresqlGenerations) -> None:
    async with generations.heard() as heard:

        async def hears() -> None:
            async with asyncio.timeout(WAIT_S):
                await heard(2 * WAIT_S)

        begun = await generations.begin(MIRROR)
        await hears()
        assert await generations.mark(begun, "filled")
        await hears()
        await generations.swap(begun)
        await hears()
        await generations.forget(begun._replace(number=1))
        await hears()


async def test_who_watches_looks_as_soon_as_something_changes(
    generations: PostgresqlGenerations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation_watch, "LOOK_EVERY_S", 2 * WAIT_S)
    watch = GenerationWatch(generations)
    watching = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(WAIT_S):
            for number in (2, 3):
                begun = await generations.begin(MIRROR)
                await generations.swap(begun)
                while watch.live(MIRROR).number != number:
                    await watch.turn.wait()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_an_outage_is_told_as_one() -> None:
    database = Database(NOWHERE)
    unreachable = PostgresqlGenerations(database, NOWHERE, "nowhere")

    for asking in (unreachable.every(), unreachable.begin(MIRROR)):
        with pytest.raises(StoreUnavailable):
            await asking
    for within in (unreachable.alone(MIRROR), unreachable.heard()):
        with pytest.raises(StoreUnavailable):
            async with within:
                pass
    await database.close()
