"""Home timelines and the views' cache are on one Redis, or each on its own."""

from contextlib import AsyncExitStack

from infra.engines import engines_of
from infra.profiles.clients import Clients
from infra.profiles.names import Names
from infra.redis.client import RedisClient
from infra.redis.redis_cluster import RedisCluster
from infra.settings import Settings


async def test_one_server_is_asked_by_one_client() -> None:
    async with AsyncExitStack() as opened:
        clients = Clients(engines_of(Settings(redis="redis://a:1/0")), Names(), opened)

        assert await clients.homes() is await clients.redis()
        assert len(clients.breakers) == 1


async def test_a_cluster_has_the_homes_and_a_server_the_cache() -> None:
    settings = Settings(redis="redis+cluster://a:1,b:2", redis_cache="redis://c:3/0")
    async with AsyncExitStack() as opened:
        clients = Clients(engines_of(settings), Names(), opened)
        homes, cache = await clients.homes(), await clients.redis()

        assert isinstance(homes, RedisCluster)
        assert isinstance(cache, RedisClient)
        assert len({breaker.engine for breaker in clients.breakers}) == 2


async def test_two_servers_are_told_apart() -> None:
    settings = Settings(redis="redis://a:1/0", redis_cache="redis://c:3/0")
    async with AsyncExitStack() as opened:
        clients = Clients(engines_of(settings), Names(), opened)

        assert await clients.homes() is not await clients.redis()
        assert len({breaker.engine for breaker in clients.breakers}) == 2
