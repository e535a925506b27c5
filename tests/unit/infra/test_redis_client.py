"""Single commands of the client go by the shared connection, and mean what they always meant."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.exceptions import NoScriptError

from infra.redis.client import RedisClient, client
from tests.resp_server import RespServer, resp_server


@pytest_asyncio.fixture
async def server() -> AsyncIterator[RespServer]:
    async with resp_server() as made:
        yield made


@pytest_asyncio.fixture
async def redis(server: RespServer) -> AsyncIterator[RedisClient]:
    made = client(f"redis://ada:secret@127.0.0.1:{server.port}/3")
    yield made
    await made.aclose()


async def test_it_signs_in_as_the_address_says(redis: RedisClient, server: RespServer) -> None:
    answer = await redis.get("key")

    assert answer == b"key"
    assert server.heard == [
        [b"HELLO", b"3", b"AUTH", b"ada", b"secret"],
        [b"SELECT", b"3"],
        [b"CLIENT", b"TRACKING", b"ON", b"OPTIN"],
        [b"GET", b"key"],
    ]


async def test_a_command_of_two_words_is_two(redis: RedisClient, server: RespServer) -> None:
    await redis.script_load("return 1")

    assert server.heard[-1] == [b"SCRIPT", b"LOAD", b"return 1"]


async def test_what_redis_refuses_with_is_the_clients_own_exception(redis: RedisClient) -> None:
    with pytest.raises(NoScriptError):
        await redis.evalsha("hash", 0)


async def test_a_command_whose_connection_breaks_is_sent_once_more(
    redis: RedisClient, server: RespServer
) -> None:
    await redis.get("first")
    waiting = asyncio.create_task(redis.execute_command("SILENCE"))
    await server.silent.wait()
    server.silent.clear()
    server.hang_up()
    await server.silent.wait()
    waiting.cancel()

    assert server.heard.count([b"SILENCE"]) == 2
