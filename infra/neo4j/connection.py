"""Connections to Neo4j for asyncio: time-outs, one kind of outage."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeVar
from urllib.parse import unquote, urlsplit

from neo4j import (
    READ_ACCESS,
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    Query,
    unit_of_work,
)
from neo4j.exceptions import (
    ClientError,
    ConnectionPoolError,
    DatabaseError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
)

from infra.breaker import Breaker
from projections.projection import StoreUnavailable

CONNECT_S: Final = 5.0
# The server ends what takes longer; one that does not even do that is down.
READ_S: Final = 5.0
WRITE_S: Final = 30.0
GRACE_S: Final = 5.0
RETRY_S: Final = 2.0  # for deadlocks and connections that broke
RETRY_FIRST_S: Final = 0.02

# What the server says of a transaction that it ended because it took too long.
_ENDED: Final = frozenset(
    f"Neo.ClientError.Transaction.TransactionTimedOut{by}" for by in ("", "ClientConfiguration")
)
_ALREADY_THERE: Final = "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists"

Row = list[Any]
T = TypeVar("T")


class Neo4jConnection:
    """Transactions on one database. Every method raises StoreUnavailable where it does not answer,
    at once where it did not a moment ago; whether a write was done is unknown then."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self.breaker = Breaker("Neo4j")

    @classmethod
    def to(cls, url: str) -> Self:
        """To `bolt://USER:PASSWORD@HOST:PORT`; connects at the first use."""
        parts = urlsplit(url)
        return cls(
            AsyncGraphDatabase.driver(
                f"{parts.scheme}://{parts.hostname}:{parts.port or 7687}",
                auth=(unquote(parts.username or ""), unquote(parts.password or "")),
                connection_timeout=CONNECT_S,
                connection_acquisition_timeout=2 * CONNECT_S,
                max_transaction_retry_time=RETRY_S,
                initial_retry_delay=RETRY_FIRST_S,
                retry_delay_jitter_factor=0.5,
                liveness_check_timeout=RETRY_S,
                keep_alive=True,
                notifications_min_severity="OFF",
                telemetry_disabled=True,  # a message with every query
            )
        )

    async def read(self, cypher: str, **values: Any) -> list[Row]:
        """The rows of one query."""
        with self.breaker.passing():
            return await _unless_down(self._read(cypher, values), READ_S)

    async def write(self, work: Callable[[AsyncManagedTransaction], Awaitable[T]]) -> T:
        """Do it in one transaction; again where that was a deadlock's victim or its connection
        broke, so it must be harmless to do twice."""
        with self.breaker.passing():
            async with self._driver.session() as session:
                writing = session.execute_write(_bounded(work, WRITE_S))
                return await _unless_down(writing, WRITE_S)

    async def change_schema(self, statements: Sequence[str]) -> None:
        """Each statement for itself: a schema changes in transactions of its own. What another
        process made at the same moment is there, which `IF NOT EXISTS` does not see."""
        for statement in statements:
            try:
                await self.write(_running(statement))
            except ClientError as error:
                if error.code != _ALREADY_THERE:
                    raise

    async def close(self) -> None:
        """Let the connections go."""
        await self._driver.close()

    async def _read(self, cypher: str, values: dict[str, Any]) -> list[Row]:
        """In one round trip; where that fails because the connection was an old one, in as many as
        the driver's own retries take."""

        async def work(transaction: AsyncManagedTransaction) -> list[Row]:
            return await run(transaction, cypher, **values)

        async with self._driver.session(default_access_mode=READ_ACCESS) as session:
            try:
                result = await session.run(Query(cypher, timeout=READ_S), values)
                return await result.values()
            except DriverError as error:
                if not error.is_retryable():
                    raise
            return await session.execute_read(_bounded(work, READ_S))


async def run(transaction: AsyncManagedTransaction, cypher: str, **values: Any) -> list[Row]:
    """The rows of one statement of a transaction."""
    result = await transaction.run(cypher, values)
    return await result.values()


def _running(cypher: str) -> Callable[[AsyncManagedTransaction], Awaitable[list[Row]]]:
    return lambda transaction: run(transaction, cypher)


def _bounded(
    work: Callable[[AsyncManagedTransaction], Awaitable[T]], limit_s: float
) -> Callable[[AsyncManagedTransaction], Awaitable[T]]:
    return unit_of_work(timeout=limit_s)(work)


async def _unless_down(awaited: Awaitable[T], limit_s: float) -> T:
    try:
        async with asyncio.timeout(limit_s + GRACE_S):
            return await awaited
    except (DriverError, Neo4jError) as error:
        if _is_outage(error):
            raise StoreUnavailable(f"Neo4j: {error}") from error
        raise
    except OSError as error:  # TimeoutError is one, and says nothing
        raise StoreUnavailable(f"Neo4j: {error!r}") from error


def _is_outage(error: DriverError | Neo4jError) -> bool:
    """Whether the same may work later."""
    if isinstance(error, ConnectionPoolError | ServiceUnavailable | DatabaseError):
        return True
    return error.is_retryable() or (isinstance(error, Neo4jError) and error.code in _ENDED)
