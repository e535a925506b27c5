"""Many callers share a connection to Redis: each gets its own answer, or hears of none."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from infra.redis.shared_connection import SharedConnection
from tests.resp_server import RespServer, resp_server

LIMIT_S: Final = 1.0
GREETING: Final = (("HELLO", 3), ("SELECT", 2))


@pytest_asyncio.fixture
async def server() -> AsyncIterator[RespServer]:
    async with resp_server() as made:
        yield made


@pytest_asyncio.fixture
async def connection(server: RespServer) -> AsyncIterator[SharedConnection]:
    made = SharedConnection(
        "127.0.0.1", server.port, greeting=GREETING, error_of=ResponseError, limit_s=LIMIT_S
    )
    yield made
    await made.close()


async def test_what_is_asked_together_travels_together(
    connection: SharedConnection, server: RespServer
) -> None:
    await connection.ask(("ECHO", "first"))
    server.reads.clear()

    answers = await asyncio.gather(*(connection.ask(("ECHO", number)) for number in range(50)))

    assert answers == [str(number).encode() for number in range(50)]
    assert server.reads == [50]


async def test_of_several_that_ask_first_one_connects_and_greets(
    connection: SharedConnection, server: RespServer
) -> None:
    answers = await asyncio.gather(*(connection.ask(("ECHO", number)) for number in range(3)))

    assert answers == [b"0", b"1", b"2"]
    assert server.heard[:3] == [[b"HELLO", b"3"], [b"SELECT", b"2"], [b"ECHO", b"0"]]
    assert len(server.heard) == 5


async def test_changes_of_what_a_tracked_command_reads_are_told(
    connection: SharedConnection, server: RespServer
) -> None:
    told: list[object] = []
    connection.listen(told.append)

    assert await connection.ask(("ECHO", "key"), tracked=True) == b"key"
    assert server.heard[-2:] == [[b"CLIENT", b"CACHING", b"YES"], [b"ECHO", b"key"]]
    assert await connection.ask(("PUSH", "key")) == b"key"
    assert told == [[b"key"]]
    server.hang_up()
    with pytest.raises(ConnectionError):
        await connection.ask(("SILENCE",))
    assert told == [[b"key"], None]


async def test_what_was_asked_and_what_was_answered_is_counted(
    connection: SharedConnection, server: RespServer
) -> None:
    await asyncio.gather(*(connection.ask(("ECHO", number)) for number in range(3)))
    assert (connection.asked, connection.answered) == (3, 3)

    waiting = asyncio.create_task(connection.ask(("SILENCE",)))
    await server.silent.wait()
    assert (connection.asked, connection.answered) == (4, 3)
    server.hang_up()
    await asyncio.gather(waiting, return_exceptions=True)
    assert connection.asked == connection.answered == 4


async def test_a_connection_that_tracks_nothing_is_not_used(
    connection: SharedConnection, server: RespServer
) -> None:
    """Nobody would be told that what was read has changed."""
    await connection.ask(("ECHO", "before"))
    server.refused[b"CLIENT"] = b"ERR"

    with pytest.raises(ResponseError):
        await connection.ask(("ECHO", "key"), tracked=True)


async def test_a_refusal_is_told_to_who_asked(connection: SharedConnection) -> None:
    asked = (("ECHO", "before"), ("REFUSE",), ("ECHO", "after"))
    outcomes = await asyncio.gather(*map(connection.ask, asked), return_exceptions=True)

    assert (outcomes[0], outcomes[2]) == (b"before", b"after")
    assert isinstance(outcomes[1], ResponseError)


async def test_who_gives_up_takes_nobodys_answer(connection: SharedConnection) -> None:
    await connection.ask(("ECHO", "first"))
    impatient = asyncio.create_task(connection.ask(("ECHO", "impatient")))
    await asyncio.sleep(0)
    patient = asyncio.create_task(connection.ask(("ECHO", "patient")))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient == b"patient"
    assert impatient.cancelled()


async def test_a_late_answer_ends_the_connection_and_the_next_one_is_new(
    connection: SharedConnection, server: RespServer
) -> None:
    asked = (("ECHO", "in time"), ("SILENCE",), ("ECHO", "behind it"))
    outcomes: list[Any] = await asyncio.gather(
        *map(connection.ask, asked[:2]), return_exceptions=True
    )
    again = await connection.ask(asked[2])

    assert outcomes[0] == b"in time"
    assert isinstance(outcomes[1], TimeoutError)
    assert again == b"behind it"
    assert server.heard.count([b"HELLO", b"3"]) == 2


async def test_a_loop_that_is_away_for_longer_than_the_limit_still_hears_the_answer(
    connection: SharedConnection,
) -> None:
    await connection.ask(("ECHO", "first"))
    asked = asyncio.create_task(connection.ask(("ECHO", "during")))
    await asyncio.sleep(0)

    time.sleep(1.2 * LIMIT_S)  # noqa: ASYNC251 - the loop is to be away

    assert await asked == b"during"


async def test_a_connection_that_was_closed_is_opened_anew(
    connection: SharedConnection, server: RespServer
) -> None:
    await connection.ask(("ECHO", "first"))
    waiting = asyncio.create_task(connection.ask(("SILENCE",)))
    await server.silent.wait()
    server.hang_up()

    with pytest.raises(ConnectionError):
        await waiting
    assert await connection.ask(("ECHO", "again")) == b"again"


async def test_where_nobody_listens_everybody_hears_it() -> None:
    with socket.socket() as held:  # so that nobody else comes to listen there
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
        connection = SharedConnection(
            "127.0.0.1", port, greeting=(), error_of=ResponseError, limit_s=LIMIT_S
        )

        asked = (connection.ask(("ECHO", number)) for number in range(3))
        outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert {type(one) for one in outcomes} == {ConnectionError}
    await connection.close()
