"""What a client is told of a request that ends otherwise than it should."""

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from web.failures import Failures

SCOPE: Scope = {"type": "http", "method": "POST", "headers": []}
STARTED: Message = {"type": "http.response.start", "status": 200, "headers": []}


async def receive() -> Message:
    raise AssertionError("nobody reads the body")


async def sent_when_cancelled(*first: Message) -> list[Message]:
    """What is sent of a request that has sent this much when its server ends."""
    sent: list[Message] = []
    waits = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in first:
            await send(message)
        waits.set()
        await asyncio.Event().wait()

    request = asyncio.create_task(Failures(app)(SCOPE, receive, send))
    await waits.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    return sent


async def test_what_a_server_that_ends_waits_for_no_longer_may_be_asked_again() -> None:
    start, body = await sent_when_cancelled()

    assert start["status"] == 503
    assert b"retry-after" in dict(start["headers"])
    assert json.loads(body["body"])["type"].endswith("unavailable")


async def test_half_an_answer_stays_half_an_answer() -> None:
    assert await sent_when_cancelled(STARTED) == [STARTED]
