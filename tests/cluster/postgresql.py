"""Databases for tests: the cluster's server, a namespace for each test that is removed after it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import count
from os import getpid
from typing import Final, Protocol, TypeVar

import psycopg

from infra.cluster.engine import DATABASE, PASSWORD, USER
from infra.postgresql.database import Database
from infra.postgresql.migrations import migrate
from tests.cluster.local import LocalCluster

# Nobody listens there.
NOWHERE: Final = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/{DATABASE}"
# A busy machine lets the server stand still for longer than commands are to wait for it.
PATIENCE_S: Final = 60.0
_numbers: Final = count()


class Made(Protocol):
    """A store that makes and removes what it needs."""

    async def create(self) -> None: ...

    async def drop(self) -> None: ...


MadeT = TypeVar("MadeT", bound=Made)


def url_of(cluster: LocalCluster) -> str:
    return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{cluster.ports.postgresql}/{DATABASE}"


def new_namespace(name: str) -> str:
    """One that no other test has."""
    return f"test_{name}_{getpid()}_{next(_numbers)}"


@asynccontextmanager
async def database_of(cluster: LocalCluster) -> AsyncIterator[Database]:
    database = Database(url_of(cluster))
    database._pool.timeout = database._pool.reconnect_timeout = PATIENCE_S  # noqa: SLF001
    yield database
    await database.close()


@contextmanager
def emptied(
    cluster: LocalCluster, name: str, store: Callable[[Database, str], MadeT]
) -> Iterator[Callable[[], AbstractAsyncContextManager[MadeT]]]:
    """Opens a store in a namespace of its own, empty at each call."""
    namespace = new_namespace(name)

    @asynccontextmanager
    async def opened() -> AsyncIterator[MadeT]:
        async with database_of(cluster) as database:
            # To make all tables anew takes ten times as long.
            await _empty(database, namespace)
            made = store(database, namespace)
            await made.create()
            yield made

    yield opened
    # Not by ours: it is to wait for as long as it takes.
    with psycopg.connect(url_of(cluster), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {namespace} CASCADE")


async def _empty(database: Database, namespace: str) -> None:
    """Remove every row, behind the back of the triggers that count them."""
    tables = await database.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s", (namespace,)
    )
    async with database.changing(namespace) as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        for (table,) in tables:
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608


@asynccontextmanager
async def shared_tables(cluster: LocalCluster) -> AsyncIterator[str]:
    """A namespace with the tables that all processes share."""
    namespace = new_namespace("shared")
    async with database_of(cluster) as database:
        await migrate(database, namespace)
        yield namespace
        await database.drop(namespace)
