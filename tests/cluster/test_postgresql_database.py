"""What is an outage of PostgreSQL, and that nothing else is."""

import asyncio
import socket
from collections.abc import AsyncIterator

import psycopg
import pytest

from infra.postgresql import database as module
from infra.postgresql.database import Database, checked
from projections.projection import StoreUnavailable
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, database_of, new_namespace

WORKING = "SELECT pid FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()"


@pytest.fixture
async def database(cluster: LocalCluster) -> AsyncIterator[Database]:
    async with database_of(cluster) as database:
        yield database


@pytest.fixture
async def table(database: Database) -> AsyncIterator[str]:
    namespace = new_namespace("database")
    async with database.changing(namespace) as connection:
        await connection.execute("CREATE TABLE numbers (n integer PRIMARY KEY)")
    yield f"{namespace}.numbers"
    await database.drop(namespace)


async def numbers(database: Database, table: str) -> list[int]:
    return [n for (n,) in await database.rows(f"SELECT n FROM {table} ORDER BY n")]  # noqa: S608


async def insert(
    database: Database,
    table: str,
    *ns: int,
    then: str = "SELECT 1",
    limit_s: float = module.TIMEOUT_S,
) -> None:
    """All in one transaction, which fails where a number is none."""
    async with database.transaction(limit_s=limit_s) as transaction:
        for n in ns:
            if n < 0:
                raise ZeroDivisionError
            await transaction.execute(f"INSERT INTO {table} VALUES (%s)", (n,))  # noqa: S608
        await transaction.execute(then)


async def test_a_transaction_is_all_or_nothing(database: Database, table: str) -> None:
    await insert(database, table, 1, 2)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await insert(database, table, 3, 2, 4)
    with pytest.raises(ZeroDivisionError):
        await insert(database, table, 5, -1)

    assert await numbers(database, table) == [1, 2]


async def test_what_takes_too_long_is_an_outage_and_undone(database: Database, table: str) -> None:
    with pytest.raises(StoreUnavailable):
        await insert(database, table, 1, then="SELECT pg_sleep(5)", limit_s=0.5)

    assert await numbers(database, table) == []


async def test_a_lock_that_is_not_had_in_time_is_an_outage(
    cluster: LocalCluster, database: Database
) -> None:
    async with database_of(cluster) as other, other.transaction(lock="one") as holding:
        assert await holding.rows("SELECT 1") == [(1,)]

        with pytest.raises(StoreUnavailable):
            async with database.transaction(lock="one", limit_s=0.3):
                pass


async def test_a_connection_that_the_server_ends_in_the_middle_is_an_outage(
    cluster: LocalCluster, database: Database
) -> None:
    async def work() -> None:
        async with database.transaction(limit_s=60) as transaction:
            await transaction.rows("SELECT pg_sleep(50), 'ended in the middle'")

    working = asyncio.create_task(work())
    async with database_of(cluster) as other, asyncio.timeout(40):
        while not (pids := await other.rows(WORKING, ("%'ended in the middle'%",))):
            await asyncio.sleep(0.01)
        await other.rows("SELECT pg_terminate_backend(%s)", pids[0])

    with pytest.raises(StoreUnavailable):
        await working
    assert await database.rows("SELECT 1") == [(1,)]


async def test_connections_that_the_server_ended_are_replaced_at_the_first_failure(
    cluster: LocalCluster, database: Database
) -> None:
    all_are_there = asyncio.Barrier(4)

    async def pid() -> int:
        async with database.transaction() as transaction:
            [(pid,)] = await transaction.rows("SELECT pg_backend_pid()")
            await all_are_there.wait()
        return int(pid)

    pids = await asyncio.gather(*(pid() for _ in range(4)))
    assert len(set(pids)) == 4
    async with database_of(cluster) as other:
        for ended in pids:
            await other.rows("SELECT pg_terminate_backend(%s)", (ended,))

    with pytest.raises(StoreUnavailable):
        await database.rows("SELECT 1")

    assert await asyncio.gather(*(database.rows("SELECT 1") for _ in range(4))) == [[(1,)]] * 4


async def test_who_does_not_listen_or_does_not_answer_is_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for url in (NOWHERE, f"postgresql://x:y@127.0.0.1:{port}/x"):
            with pytest.raises(StoreUnavailable):
                await Database.connect(url)


async def test_a_statement_that_is_wrong_is_a_bug(database: Database) -> None:
    for wrong in ("SELECT nonsense", "SELECT 1 / 0", "SELECT * FROM not_there"):
        with pytest.raises(psycopg.Error):
            await database.rows(wrong)


@pytest.mark.parametrize("name", ["", "x; DROP TABLE y", "Upper", "1st", "a-b", "x" * 64, 'a"b'])
def test_a_namespace_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="namespace"):
        checked(name)
