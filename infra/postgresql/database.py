"""PostgreSQL for asyncio: a pool of connections, time-outs, one kind of outage.

Everything of a namespace is in the PostgreSQL schema of that name. Statements name it as `{ns}`:
one pool serves every namespace, and no statement depends on a connection's search path.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Self

import psycopg
from psycopg_pool import AsyncConnectionPool

from infra.breaker import Breaker
from projections.projection import StoreUnavailable

CONNECTIONS_MAX: Final = 8
CONNECT_S: Final = 3
TIMEOUT_S: Final = 10.0
# After so much of a dead network a connection is given up.
UNHEARD_MS: Final = 10_000
_SERVER: Final = {
    # The server gives up first, so that no connection is lost with a slow statement; and a process
    # that stands still in a transaction holds its locks no longer than this.
    "statement_timeout": 9_000,
    "idle_in_transaction_session_timeout": 15_000,
    # A table that grows from nothing has no statistics when its statements are planned, once for
    # many batches: to look through the whole of it seems cheap then. All of ours go by a key.
    "enable_seqscan": "off",
    # What it takes to compile is worth it for statements that run for seconds.
    "jit": "off",
}
NAMESPACE: Final = re.compile("[a-z][a-z0-9_]{0,62}")

# Classes of errors that are called operational but that waiting does not mend: a limit of the
# program (a row too long for its index), a statement or cursor that is not there.
_BUGS: Final = frozenset({"54", "26", "34"})
# A server that became a replica; a transaction that stood still for too long.
_OUTAGE_STATES: Final = frozenset({"25006", "25P03"})

_LIMIT: Final = "SELECT set_config('statement_timeout', %s, true)"
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]
Connection = psycopg.AsyncConnection[Row]


class Database:
    """Statements on one database. Every method raises StoreUnavailable where it does not answer,
    at once where it did not a moment ago; whether a write was done is unknown then."""

    def __init__(self, url: str, *, connections_max: int = CONNECTIONS_MAX) -> None:
        """Connects when it is first asked, in the event loop that asks, and again after an
        outage."""
        self.breaker = Breaker("PostgreSQL")
        self._pool = AsyncConnectionPool(
            url,
            min_size=0,
            max_size=connections_max,
            open=False,
            timeout=CONNECT_S,
            reconnect_timeout=CONNECT_S,
            kwargs=connection_settings(),
        )

    @classmethod
    async def connect(cls, url: str, *, connections_max: int = CONNECTIONS_MAX) -> Self:
        """One that answers now. Raises StoreUnavailable."""
        database = cls(url, connections_max=connections_max)
        try:
            await database.rows("SELECT 1")
        except BaseException:
            await database.close()
            raise
        return database

    async def rows(self, sql: str, values: Values = ()) -> list[Row]:
        """All rows that one statement gives, in a transaction of its own."""
        async with self._borrowed() as connection:
            cursor = await connection.execute(sql, values)
            return await cursor.fetchall() if cursor.description else []

    @asynccontextmanager
    async def transaction(
        self, *, lock: str | None = None, limit_s: float = TIMEOUT_S
    ) -> AsyncIterator["Transaction"]:
        """All or nothing, in one round trip unless rows are fetched within. With `lock`, one
        transaction after the other of all that name the same."""
        async with self._borrowed(limit_s) as connection, connection.pipeline():
            transaction = Transaction(connection)
            # Not a block of the driver's: that waits for an answer at both of its ends. If the
            # body fails nothing commits: returning the connection rolls it back.
            await transaction.execute("BEGIN")
            if limit_s > TIMEOUT_S:
                await transaction.execute(_LIMIT, (str(round(limit_s * 900)),))
            if lock is not None:
                await transaction.execute(_LOCK, (lock,))
            yield transaction
            await transaction.execute("COMMIT")

    @asynccontextmanager
    async def changing(self, namespace: str) -> AsyncIterator[Connection]:
        """A transaction in which to change the schema, one process at a time: a name without a
        schema is one of the namespace, which is made if it is not there."""
        path = f"SET LOCAL search_path = {checked(namespace)}"
        async with self._borrowed() as connection, connection.transaction():
            await connection.execute(_LOCK, (namespace,))
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {namespace}")
            await connection.execute(path)
            yield connection

    async def drop(self, namespace: str) -> None:
        """Remove a namespace with everything in it."""
        async with self.transaction(lock=namespace) as transaction:
            await transaction.execute(f"DROP SCHEMA IF EXISTS {checked(namespace)} CASCADE")

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool.close()

    @asynccontextmanager
    async def _borrowed(self, limit_s: float = TIMEOUT_S) -> AsyncIterator[Connection]:
        with self.breaker.passing(), told_as_outages():
            await self._pool.open()
            async with asyncio.timeout(limit_s), self._pool.connection() as connection:
                try:
                    yield connection
                except psycopg.Error:
                    if connection.broken:
                        # So may the others be: nobody else shall have to find that out.
                        await self._pool.check()
                    raise


class Transaction:
    """Statements that are done together; rows are fetched only where they are asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, values: Values = ()) -> None:
        """Send a statement. Its failure may show later, at the latest at the end."""
        await self._connection.execute(sql, values)

    async def rows(self, sql: str, values: Values = ()) -> list[Row]:
        """Send a statement and wait for its rows."""
        cursor = await self._connection.execute(sql, values)
        return await cursor.fetchall()


def checked(namespace: str) -> str:
    """The namespace. Raises ValueError unless it can be the name of a schema as it is."""
    if not NAMESPACE.fullmatch(namespace):
        raise ValueError(f"{namespace!r} cannot be a namespace")
    return namespace


def connection_settings() -> dict[str, Any]:
    """How every connection is opened: each statement its own transaction, none without limits."""
    return {
        "autocommit": True,
        "connect_timeout": CONNECT_S,
        "options": " ".join(f"-c {name}={value}" for name, value in _SERVER.items()),
        "application_name": "starling",
        "tcp_user_timeout": UNHEARD_MS,
    }


def storable(text: str) -> bool:
    """Whether there can be such a text: without NUL and lone surrogates."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def is_outage(error: psycopg.Error) -> bool:
    """Whether what failed may succeed later, as it is."""
    if error.sqlstate in _OUTAGE_STATES:
        return True
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "")[:2] not in _BUGS


@contextmanager
def told_as_outages() -> Iterator[None]:
    """Tell the engine's outages, and nothing else, as StoreUnavailable."""
    try:
        yield
    except TimeoutError as error:
        raise StoreUnavailable("PostgreSQL: no answer in time") from error
    except psycopg.Error as error:
        if is_outage(error):
            raise StoreUnavailable(f"PostgreSQL: {error}") from error
        raise
