"""What every process of the cluster profile has of the log: keys, codec, topics, Cassandra."""

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, Self

from infra.cassandra.archive_store import CassandraArchive
from infra.cassandra.event_log import ClusterEventLog, Committed
from infra.cassandra.session import CassandraSession
from infra.kafka.feed import KafkaFeed
from infra.kafka.lookup import KafkaLookup
from infra.kafka.producer import KafkaProducer
from infra.kafka.topics import KafkaTopics
from infra.postgresql.database import Database
from infra.postgresql.dead_letters import PostgresqlDeadLetters
from infra.postgresql.generations import PostgresqlGenerations
from infra.postgresql.keyring import PostgresqlKeyring
from infra.postgresql.migrations import migrate
from infra.postgresql.moments import PostgresqlMoments
from infra.profiles.clients import Clients
from infra.profiles.waiting import connected
from infra.settings import Settings
from infra.stamps import wall_clock_ms
from streams.envelope import NO_ORIGIN, Codec, Origin

LOG_TABLES: Final = "log"
ARCHIVE_TABLES: Final = "archive"


class ClusterLog:
    """Opened on the engines it needs, which are waited for; closed with `opened`."""

    def __init__(
        self, clients: Clients, opened: AsyncExitStack, database: Database, settings: Settings
    ) -> None:
        self.clients = clients
        self.database = database
        self.servers = clients.engines.kafka
        self.prefix = clients.names.topics
        self.topics = KafkaTopics(self.servers, prefix=self.prefix)
        url, shared = clients.engines.postgresql, clients.names.shared
        self.keyring = PostgresqlKeyring(database, url, shared)
        self.codec = Codec(self.keyring)
        self._opened = opened
        self._settings = settings
        opened.callback(self.keyring.close)

    @classmethod
    async def open(cls, clients: Clients, opened: AsyncExitStack, settings: Settings) -> Self:
        """Wait for PostgreSQL and Kafka; make tables and topics that are missing."""
        database = await clients.postgresql()
        shared = clients.names.shared
        await connected("PostgreSQL", shared, partial(migrate, database, shared))
        log = cls(clients, opened, database, settings)
        await connected("Kafka", log.servers, log._create_topics)
        return log

    async def feed(self) -> KafkaFeed:
        """A feed that follows the topics."""
        feed = KafkaFeed(self.servers, self.codec, prefix=self.prefix)
        self._opened.push_async_callback(feed.close)
        await connected("Kafka", self.servers, feed.start)
        return feed

    def lookup(self) -> KafkaLookup:
        """Where an event is looked up now and then."""
        lookup = KafkaLookup(self.servers, self.codec, prefix=self.prefix)
        self._opened.push_async_callback(lookup.close)
        return lookup

    async def session(self) -> CassandraSession:
        """The session on Cassandra."""
        return await self.clients.cassandra()

    async def archive(self) -> CassandraArchive:
        """Where every partition is kept for good; waits for Cassandra, makes missing tables."""
        archive = CassandraArchive(await self.session(), ARCHIVE_TABLES)
        await connected("Cassandra", str(self.clients.engines.cassandra), archive.create)
        return archive

    def dead_letters(self) -> PostgresqlDeadLetters:
        """What could not be applied."""
        shared, parked_max = self.clients.names.shared, self._settings.parked_max
        return PostgresqlDeadLetters(self.database, shared, parked_max=parked_max)

    def generations(self) -> PostgresqlGenerations:
        """Which generation of each projection answers."""
        url, shared = self.clients.engines.postgresql, self.clients.names.shared
        return PostgresqlGenerations(self.database, url, shared)

    def moments(self) -> PostgresqlMoments:
        """Which generations there are as of moments that are past."""
        return PostgresqlMoments(self.database, self.clients.names.shared)

    async def event_log(
        self,
        *,
        on_commit: Iterable[Committed] = (),
        origin: Callable[[], Origin] = lambda: NO_ORIGIN,
    ) -> ClusterEventLog:
        """The log to write to."""
        producer = KafkaProducer(self.servers, prefix=self.prefix)
        self.clients.breakers.append(producer.breaker)
        self._opened.push_async_callback(producer.close)
        await producer.start()
        log = ClusterEventLog(
            await self.session(),
            LOG_TABLES,
            producer,
            self.codec,
            on_commit=on_commit,
            now_ms=wall_clock_ms,
            origin=origin,
        )
        self._opened.push_async_callback(log.close)
        await connected("Cassandra", str(self.clients.engines.cassandra), log.create)
        return log

    async def _create_topics(self) -> None:
        await self.topics.create(self._settings.topic_partitions)
