"""The tables that all processes share are made once, whoever starts first."""

import asyncio

import pytest

from infra.postgresql import database as module
from infra.postgresql import migrations
from infra.postgresql.database import Database
from infra.postgresql.migrations import STEPS, migrate
from projections.projection import StoreUnavailable
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, database_of, new_namespace


async def test_processes_that_start_together_take_each_step_once(cluster: LocalCluster) -> None:
    namespace = new_namespace("migrations")

    async def start() -> None:
        async with database_of(cluster) as database:
            await migrate(database, namespace)

    await asyncio.gather(*(start() for _ in range(4)))

    async with database_of(cluster) as database:
        rows = await database.rows(f"SELECT number FROM {namespace}.migrations ORDER BY number")  # noqa: S608
        assert rows == [(number,) for number in range(1, len(STEPS) + 1)]
        await database.drop(namespace)


async def test_a_newer_program_adds_its_steps_and_an_older_one_none(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = new_namespace("migrations")
    async with database_of(cluster) as database:
        await migrate(database, namespace)
        monkeypatch.setattr(migrations, "STEPS", (*STEPS, "CREATE TABLE newer (n integer)"))
        await migrate(database, namespace)
        monkeypatch.undo()
        await migrate(database, namespace)

        assert await database.rows(f"SELECT * FROM {namespace}.newer") == []  # noqa: S608
        await database.drop(namespace)


async def test_a_step_that_fails_leaves_nothing_behind(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = new_namespace("migrations")
    monkeypatch.setattr(migrations, "STEPS", ("CREATE TABLE one (n integer)", "SELECT nonsense"))
    async with database_of(cluster) as database:
        with pytest.raises(Exception, match="nonsense"):
            await migrate(database, namespace)
        monkeypatch.undo()

        await migrate(database, namespace)

        rows = await database.rows(f"SELECT number FROM {namespace}.migrations")  # noqa: S608
        assert len(rows) == len(STEPS)
        await database.drop(namespace)


async def test_no_server_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    database = Database(NOWHERE)

    with pytest.raises(StoreUnavailable):
        await migrate(database)
    await database.close()
