"""Connections to the engines of the cluster profile, for one process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol, TypeVar

from infra.breaker import Breaker
from infra.cassandra.session import CassandraSession
from infra.elasticsearch.connection import ElasticsearchConnection
from infra.engines import Engines, without_password
from infra.neo4j.connection import Neo4jConnection
from infra.postgresql.database import Database
from infra.profiles.names import Names
from infra.profiles.waiting import connected
from infra.redis import client as redis_client
from infra.redis import redis_cluster
from infra.redis.client import RedisClient
from infra.redis.redis_cluster import AnyRedis
from infra.redis.view_cache import ViewCaches

HOMES: Final = "Redis (home timelines)"


class Guarded(Protocol):
    """A client that knows whether its engine answers."""

    breaker: Breaker


T = TypeVar("T", bound=Guarded)


class Clients:
    """Each is connected when it is first asked for and closed with `opened`. So a process depends
    on the engines that it uses and on no others. Whether they answer is found out by who uses
    them first (`waiting.connected`), and told by their `breakers`. `view_caches` are the process's,
    as soon as there are any."""

    def __init__(self, engines: Engines, names: Names, opened: AsyncExitStack) -> None:
        self.engines = engines
        self.names = names
        self._opened = opened
        self._connected: dict[str, Any] = {}
        self._connecting: dict[str, asyncio.Lock] = {}
        self.breakers: list[Breaker] = []
        self.view_caches: list[ViewCaches] = []

    async def postgresql(self) -> Database:
        """The pool of connections."""
        url = self.engines.postgresql

        async def connect() -> Database:
            return await Database.connect(url)

        return await self._once("PostgreSQL", url, connect, Database.close)

    async def cassandra(self) -> CassandraSession:
        """The session on this installation's keyspace."""
        host, port = self.engines.cassandra

        async def connect() -> CassandraSession:
            return await CassandraSession.connect(host, port, self.names.shared)

        return await self._once("Cassandra", f"{host}:{port}", connect, CassandraSession.close)

    async def redis(self) -> RedisClient:
        """The pool of connections to a server alone."""
        url = self.engines.redis_cache

        async def connect() -> RedisClient:
            return redis_client.client(url)

        return await self._once("Redis", url, connect, RedisClient.aclose)

    async def homes(self) -> AnyRedis:
        """Where home timelines are: the same server, another one or a Redis Cluster."""
        url = self.engines.redis
        if url == self.engines.redis_cache:
            return await self.redis()

        async def connect() -> AnyRedis:
            made = redis_cluster.connect(url)
            made.breaker.engine = HOMES
            return made

        async def close(made: AnyRedis) -> None:
            await made.aclose()

        return await self._once(HOMES, url, connect, close)

    async def caches(self) -> ViewCaches:
        """What stands before stores, in Redis."""
        redis = await self.redis()
        if not self.view_caches:
            self.view_caches.append(ViewCaches(redis))
            self._opened.push_async_callback(self.view_caches[0].close)
        return self.view_caches[0]

    async def neo4j(self) -> Neo4jConnection:
        """The driver."""
        url = self.engines.neo4j

        async def connect() -> Neo4jConnection:
            return Neo4jConnection.to(url)

        return await self._once("Neo4j", url, connect, Neo4jConnection.close)

    async def elasticsearch(self) -> ElasticsearchConnection:
        """The client."""
        url = self.engines.elasticsearch

        async def connect() -> ElasticsearchConnection:
            return ElasticsearchConnection.to(url)

        return await self._once("Elasticsearch", url, connect, ElasticsearchConnection.close)

    async def _once(
        self,
        name: str,
        address: str,
        connect: Callable[[], Awaitable[T]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        # Of several that ask at once the first one connects.
        async with self._connecting.setdefault(name, asyncio.Lock()):
            if name not in self._connected:
                client = await connected(name, without_password(address), connect)
                self._opened.push_async_callback(close, client)
                self._connected[name] = client
                self.breakers.append(client.breaker)
        found: T = self._connected[name]
        return found
