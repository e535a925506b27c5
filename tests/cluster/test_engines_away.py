"""An engine that is away costs its callers a time-out a few times, and then nothing any more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import pytest

from infra.breaker import LIMITS, Breaker
from infra.elasticsearch.connection import ElasticsearchConnection
from infra.neo4j.connection import Neo4jConnection
from infra.postgresql.database import Database
from infra.redis import client as redis_client
from infra.redis.scripts import Scripts
from projections.projection import StoreUnavailable

# Nobody listens there.
NOWHERE: Final = 1


class Guarded(Protocol):
    @property
    def breaker(self) -> Breaker: ...


Engine = tuple[Guarded, Callable[[], Awaitable[object]], Callable[[], Awaitable[object]]]


def redis(port: int) -> Engine:
    client = redis_client.client(f"redis://127.0.0.1:{port}/0")
    scripts = Scripts(client, "nothing", {"one": "return 1"})
    return client, lambda: scripts.call("one"), client.aclose


def postgresql(port: int) -> Engine:
    database = Database(f"postgresql://nobody@127.0.0.1:{port}/nothing")
    database._pool.timeout = 0.05  # noqa: SLF001 - the pool's own waits would be this test's
    return database, lambda: database.rows("SELECT 1"), database.close


def elasticsearch(port: int) -> Engine:
    connection = ElasticsearchConnection.to(f"http://127.0.0.1:{port}")
    return connection, lambda: connection.documents("nothing", ["1"]), connection.close


def neo4j(port: int) -> Engine:
    connection = Neo4jConnection.to(f"bolt://neo4j:none@127.0.0.1:{port}")
    return connection, lambda: connection.read("RETURN 1"), connection.close


ENGINES: Final = (redis, postgresql, elasticsearch, neo4j)


@pytest.mark.parametrize("engine", ENGINES)
async def test_after_some_outages_the_engine_is_left_alone(
    engine: Callable[[int], Engine],
) -> None:
    client, ask, close = engine(NOWHERE)
    # A machine that stands still for as long as an engine is left alone lets it be tried again.
    client.breaker._clock = lambda: 0.0  # noqa: SLF001
    try:
        asked = (ask() for _ in range(LIMITS.outages))
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        with pytest.raises(StoreUnavailable):
            await ask()
    finally:
        await close()

    assert {type(one) for one in outcomes} == {StoreUnavailable}
    assert (client.breaker.outages, client.breaker.refused) == (LIMITS.outages, 1)
