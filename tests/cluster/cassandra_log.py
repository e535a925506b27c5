"""A log on the real engines for tests: tables and topics of their own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from os import getpid
from typing import Final

from infra.cassandra.appending import Producer
from infra.cassandra.event_log import ClusterEventLog, Committed
from infra.cassandra.session import CassandraSession
from infra.kafka.producer import KafkaProducer, Limits
from infra.kafka.topics import KafkaTopics
from infra.stamps import wall_clock_ms
from streams.envelope import Codec
from tests.cluster.local import LocalCluster
from tests.golden_events import GoldenKeyring

KEYSPACE: Final = "starling_test_log"
NAMESPACE: Final = f"log_{getpid()}"
PREFIX: Final = f"test_log_{getpid()}_"
PARTITIONS: Final = 4
CODEC: Final = Codec(GoldenKeyring())
# A busy machine lets Kafka stand still for longer than commands are to wait.
PATIENT: Final = Limits(delivery_s=60.0)


def servers(cluster: LocalCluster) -> str:
    return f"127.0.0.1:{cluster.ports.kafka}"


def topics(cluster: LocalCluster) -> KafkaTopics:
    return KafkaTopics(servers(cluster), prefix=PREFIX)


@asynccontextmanager
async def session_on(cluster: LocalCluster) -> AsyncIterator[CassandraSession]:
    """A session whose tables are dropped by `without_tables`."""
    session = await CassandraSession.connect("127.0.0.1", cluster.ports.cassandra, KEYSPACE)
    try:
        yield session
    finally:
        await session.close()


@asynccontextmanager
async def producer_on(
    cluster: LocalCluster, *, limits: Limits = PATIENT
) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(servers(cluster), prefix=PREFIX, limits=limits)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.close()


def log_on(
    session: CassandraSession,
    producer: Producer,
    *,
    on_commit: Iterable[Committed] = (),
    now_ms: Callable[[], int] = wall_clock_ms,
) -> ClusterEventLog:
    return ClusterEventLog(session, NAMESPACE, producer, CODEC, on_commit=on_commit, now_ms=now_ms)


async def empty(session: CassandraSession) -> None:
    """Empty every table: faster than making them anew for each test."""
    rows = await session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", (KEYSPACE,)
    )
    tables = [row.table_name for row in rows if row.table_name.startswith(f"{NAMESPACE}_")]
    await emptied(session, tables)


async def emptied(session: CassandraSession, tables: Iterable[str]) -> None:
    """Truncate them: together, as each waits for the disk."""
    await asyncio.gather(*(session.create([f"TRUNCATE {table}"]) for table in tables))


async def make(cluster: LocalCluster) -> None:
    """Tables and topics for a module's tests."""
    await topics(cluster).create(PARTITIONS)
    async with session_on(cluster) as session, producer_on(cluster) as producer:
        await log_on(session, producer).create()


async def remove(cluster: LocalCluster) -> None:
    async with session_on(cluster) as session, producer_on(cluster) as producer:
        await log_on(session, producer).drop()
    await topics(cluster).drop()
