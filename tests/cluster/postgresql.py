"""Databases for tests: the cluster's server, a namespace for each test that is removed after it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from os import getpid
from typing import Any, Final, Protocol, TypeVar

from infra.cluster.engine import DATABASE, PASSWORD, USER
from infra.postgresql.database import Database
from infra.postgresql.migrations import migrate
from tests.cluster.local import LocalCluster

# Nobody listens there.
NOWHERE: Final = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/{DATABASE}"
_numbers: Final = count()


class Made(Protocol):
    """A store that makes and removes what it needs."""

    async def create(self) -> None: ...

    async def drop(self) -> None: ...


MadeT = TypeVar("MadeT", bound=Made)
Opened = Callable[[], AbstractAsyncContextManager[Any]]


def url_of(cluster: LocalCluster) -> str:
    return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{cluster.ports.postgresql}/{DATABASE}"


def new_namespace(name: str) -> str:
    """One that no other test has."""
    return f"test_{name}_{getpid()}_{next(_numbers)}"


@asynccontextmanager
async def database_of(cluster: LocalCluster) -> AsyncIterator[Database]:
    database = Database(url_of(cluster))
    yield database
    await database.close()


def emptied(
    cluster: LocalCluster, name: str, store: Callable[[Database, str], MadeT]
) -> Callable[[], AbstractAsyncContextManager[MadeT]]:
    """Opens a store in a namespace of its own; each call a new, empty one."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[MadeT]:
        async with database_of(cluster) as database:
            made = store(database, new_namespace(name))
            await made.create()
            yield made
            await made.drop()

    return opened


@asynccontextmanager
async def shared_tables(cluster: LocalCluster) -> AsyncIterator[str]:
    """A namespace with the tables that all processes share."""
    namespace = new_namespace("shared")
    async with database_of(cluster) as database:
        await migrate(database, namespace)
        yield namespace
        await database.drop(namespace)
