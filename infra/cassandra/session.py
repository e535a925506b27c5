"""A session on Cassandra for asyncio: prepared statements, time-outs, one kind of outage."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from threading import get_ident
from typing import Any, Final, Self, TypeVar

from cassandra import (
    ConsistencyLevel,
    OperationTimedOut,
    RequestExecutionException,
    UnresolvableContactPoints,
)
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
)
from cassandra.connection import Connection, ConnectionException
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    RetryPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import (
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
)
from cassandra.query import BatchStatement, BatchType, PreparedStatement, SimpleStatement

from infra.breaker import Breaker
from infra.cassandra.loop_connection import on_loop
from infra.cassandra.rows import Row, named_rows
from projections.projection import StoreUnavailable

TIMEOUT_S: Final = 10.0
# A change of the schema is written to disk, one after the other, for all processes that ask.
SCHEMA_S: Final = 60.0
CONNECT_S: Final = 10.0
# How often a node that went away is tried: the driver's own policy waits up to ten minutes.
RECONNECT_S: Final = 1.0
HEARTBEAT_S: Final = 5.0
# Answers are read by the event loop: one that is held up for a while is no dead network.
HEARTBEAT_LATE_S: Final = 15.0
DATACENTER: Final = "datacenter1"

T = TypeVar("T")
# What the driver raises where the cluster cannot do now what may work later.
# A statement that is wrong is not among it: RequestValidationException stays a bug.
OUTAGES: Final = (
    NoHostAvailable,
    RequestExecutionException,
    OperationTimedOut,
    UnresolvableContactPoints,
    ConnectionException,
    OverloadedErrorMessage,
    IsBootstrappingErrorMessage,
    ServerError,
    OSError,
)


class CassandraSession:
    """Statements on one keyspace, for the event loop that connected it. Every method raises
    StoreUnavailable where Cassandra does not answer, at once where it did not a moment ago; whether
    a write was done is unknown then."""

    def __init__(self, cluster: Cluster, session: Session, keyspace: str) -> None:
        self._cluster = cluster
        self._session = session
        # Told with every statement. `USE` would change what a connection's prepared statements
        # mean, and both server and driver warn of it.
        self._keyspace = keyspace
        self.breaker = Breaker("Cassandra")
        self._prepared: dict[str, PreparedStatement] = {}

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        keyspace: str,
        *,
        replication_factor: int = 1,
        one_loop: bool = True,
    ) -> Self:
        """Connect, and make the keyspace unless it is there. Raises StoreUnavailable. Unless it is
        for this `one_loop` others may use it afterwards, and everything costs more."""
        connections = on_loop(asyncio.get_running_loop()) if one_loop else LibevConnection
        return await _unless_down(
            asyncio.to_thread(cls._connect, host, port, keyspace, replication_factor, connections)
        )

    @classmethod
    def _connect(
        cls,
        host: str,
        port: int,
        keyspace: str,
        replication_factor: int,
        connections: type[Connection],
    ) -> Self:
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(DATACENTER)),
            retry_policy=_retries(),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
            request_timeout=TIMEOUT_S,
            row_factory=named_rows,
        )
        cluster = Cluster(
            [host],
            port=port,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            protocol_version=5,
            connection_class=connections,
            connect_timeout=CONNECT_S,
            control_connection_timeout=CONNECT_S,
            reconnection_policy=ConstantReconnectionPolicy(RECONNECT_S, max_attempts=None),
            idle_heartbeat_interval=HEARTBEAT_S,
            idle_heartbeat_timeout=HEARTBEAT_LATE_S,
        )
        try:
            session = cluster.connect()
            session.execute(
                f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
                f"{{'class': 'NetworkTopologyStrategy', '{DATACENTER}': {replication_factor}}}",
                timeout=SCHEMA_S,
            )
        except BaseException:
            cluster.shutdown()
            raise
        return cls(cluster, session, keyspace)

    async def create(self, statements: Iterable[str]) -> None:
        """Change the schema, one statement after the other: agreement is waited for."""
        for cql in statements:
            statement = SimpleStatement(cql, keyspace=self._keyspace)
            changing = asyncio.to_thread(self._session.execute, statement, timeout=SCHEMA_S)
            await _unless_down(changing)

    async def execute(self, cql: str, values: Sequence[Any] = ()) -> list[Row]:
        """One statement, prepared at its first use; its rows."""
        statement = await self._prepare(cql)
        return await self._run(statement, values)

    async def execute_unpaged(self, cql: str, values: Sequence[Any]) -> list[Row]:
        """A read of several partitions that has an order: such a one has no pages, so that its
        rows have to be few."""
        statement = (await self._prepare(cql)).bind(values)
        statement.fetch_size = None
        return await self._run(statement, None)

    async def execute_serial(self, cql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Read what conditional writes decided, the one that is under way included: it is ended
        first, one way or the other."""
        statement = (await self._prepare(cql)).bind(values)
        statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        return await self._run(statement, None)

    async def execute_many(
        self, statements: Sequence[tuple[str, Sequence[Any]]], *, at_once: int = 64
    ) -> list[list[Row]]:
        """Independent statements, so many at once; the rows of each, in order."""
        if len(statements) == 1:
            return [await self.execute(*statements[0])]
        slots = asyncio.Semaphore(at_once)

        async def one(cql: str, values: Sequence[Any]) -> list[Row]:
            async with slots:
                return await self.execute(cql, values)

        return list(await asyncio.gather(*(one(*statement) for statement in statements)))

    async def batch(
        self,
        statements: Sequence[tuple[str, Sequence[Any]]],
        *,
        batch_type: BatchType = BatchType.UNLOGGED,
    ) -> list[Row]:
        """Several statements in one request. Unlogged ones belong into one partition."""
        whole = BatchStatement(batch_type)
        for cql, values in statements:
            whole.add(await self._prepare(cql), values)
        return await self._run(whole, None)

    async def close(self) -> None:
        """Let the connections go."""
        await asyncio.to_thread(self._cluster.shutdown)

    async def _prepare(self, cql: str) -> PreparedStatement:
        statement = self._prepared.get(cql)
        if statement is None:
            with self.breaker.passing():
                preparing = asyncio.to_thread(self._session.prepare, cql, keyspace=self._keyspace)
                statement = await _unless_down(preparing)
            self._prepared[cql] = statement
        return statement

    async def _run(self, statement: Any, values: Sequence[Any] | None) -> list[Row]:
        """All pages of what a statement gives."""
        with self.breaker.passing():
            return await self._pages(statement, values)

    async def _pages(self, statement: Any, values: Sequence[Any] | None) -> list[Row]:
        loop = asyncio.get_running_loop()
        rows: list[Row] = []
        response = self._session.execute_async(statement, values)
        while True:
            page: asyncio.Future[list[Row]] = loop.create_future()
            response.add_callbacks(_handing(loop, page, page.set_result), _failing(loop, page))
            rows += await _unless_down(page)
            if not response.has_more_pages:
                return rows
            response.clear_callbacks()
            response.start_fetching_next_page()


def _retries() -> RetryPolicy:
    """None at all: a conditional write that timed out may have been done."""
    return FallthroughRetryPolicy()


def _handing(
    loop: asyncio.AbstractEventLoop, page: "asyncio.Future[Any]", hand: Callable[[Any], None]
) -> Callable[[Any], None]:
    """A callback for the driver that settles a future of ours. It calls from the loop, or from a
    thread of its own when it gives up."""
    asked_in = get_ident()

    def settle(outcome: Any) -> None:
        if not page.done():
            hand(outcome)

    def called(outcome: Any) -> None:
        if outcome is None:
            outcome = []
        if get_ident() == asked_in:
            settle(outcome)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(settle, outcome)

    return called


def _failing(loop: asyncio.AbstractEventLoop, page: "asyncio.Future[Any]") -> Callable[[Any], None]:
    return _handing(loop, page, page.set_exception)


async def _unless_down(awaited: Awaitable[T]) -> T:
    try:
        return await awaited
    except OUTAGES as error:
        raise StoreUnavailable(f"Cassandra: {error}") from error
