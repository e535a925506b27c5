"""Connections to the engines of the cluster profile, for one process."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

from elasticsearch import AsyncElasticsearch
from redis.asyncio import Redis

from infra.cassandra.session import CassandraSession
from infra.engines import Engines, without_password
from infra.neo4j.connection import Neo4jConnection
from infra.postgresql.database import Database
from infra.profiles.names import Names
from infra.profiles.waiting import connected
from infra.redis.outages import outages_told
from projections.projection import StoreUnavailable

TIMEOUT_S: Final = 5.0
REDIS_CONNECTIONS_MAX: Final = 64

T = TypeVar("T")


class Clients:
    """Each is connected when it is first asked for, waited for, and closed with `opened`. So a
    process depends on the engines that it uses and on no others."""

    def __init__(self, engines: Engines, names: Names, opened: AsyncExitStack) -> None:
        self.engines = engines
        self.names = names
        self._opened = opened
        self._connected: dict[str, Any] = {}

    async def postgresql(self) -> Database:
        """The pool of connections."""

        async def connect() -> Database:
            database = await Database.connect(self.engines.postgresql)
            await self._tried(database.rows("SELECT 1"), database.close)
            return database

        return await self._once("PostgreSQL", self.engines.postgresql, connect, Database.close)

    async def cassandra(self) -> CassandraSession:
        """The session on this installation's keyspace."""
        host, port = self.engines.cassandra

        async def connect() -> CassandraSession:
            return await CassandraSession.connect(host, port, self.names.shared)

        where = str(self.engines.cassandra)
        return await self._once("Cassandra", where, connect, CassandraSession.close)

    async def redis(self) -> Redis:
        """The pool of connections."""

        async def connect() -> Redis:
            redis = Redis.from_url(
                self.engines.redis,
                max_connections=REDIS_CONNECTIONS_MAX,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
            )
            with outages_told():
                await self._tried(redis.ping(), redis.aclose)
            return redis

        return await self._once("Redis", self.engines.redis, connect, Redis.aclose)

    async def neo4j(self) -> Neo4jConnection:
        """The driver."""

        async def connect() -> Neo4jConnection:
            connection = Neo4jConnection.to(self.engines.neo4j)
            await self._tried(connection.read("RETURN 1"), connection.close)
            return connection

        return await self._once("Neo4j", self.engines.neo4j, connect, Neo4jConnection.close)

    async def elasticsearch(self) -> AsyncElasticsearch:
        """The client."""

        async def connect() -> AsyncElasticsearch:
            client = AsyncElasticsearch(self.engines.elasticsearch, request_timeout=TIMEOUT_S)
            if not await self._tried(client.ping(), client.close):
                await client.close()
                raise StoreUnavailable("It does not answer")
            return client

        address = self.engines.elasticsearch
        return await self._once("Elasticsearch", address, connect, AsyncElasticsearch.close)

    async def _once(
        self,
        name: str,
        address: str,
        connect: Callable[[], Awaitable[T]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        if name not in self._connected:
            client = await connected(name, without_password(address), connect)
            self._opened.push_async_callback(close, client)
            self._connected[name] = client
        found: T = self._connected[name]
        return found

    async def _tried(self, question: Awaitable[T], close: Callable[[], Awaitable[object]]) -> T:
        """The answer; a client that gets none is closed again."""
        try:
            return await question
        except BaseException:
            await close()
            raise
