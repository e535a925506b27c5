"""Time counts against others only while the event loop was there to hear them."""

import asyncio
import time
from typing import Final

import pytest

from infra.attentive import LOOKS, Watch, attentive_timeout

AWAY_S: Final = 0.3
LIMIT_S: Final = 0.1


class Looking:
    """A watch on the loop of a test, whose timers it counts."""

    def __init__(self) -> None:
        self.ended = 0
        loop = asyncio.get_running_loop()
        self.watch = Watch(loop, LIMIT_S, self._end)

    def _end(self) -> None:
        self.ended += 1

    def look(self, times: int) -> None:
        """As if so much time of attention had passed."""
        for _ in range(times):
            self.watch._look()  # noqa: SLF001 - the loop's part is played here


async def test_it_ends_after_so_many_looks() -> None:
    looking = Looking()
    looking.watch.start()
    looking.look(LOOKS - 1)
    assert (looking.ended, looking.watch.is_on) == (0, True)
    looking.look(1)
    assert (looking.ended, looking.watch.is_on) == (1, False)


async def test_whoever_is_heard_has_all_the_time_again() -> None:
    looking = Looking()
    looking.watch.start()
    looking.look(LOOKS - 1)
    looking.watch.heard()
    looking.look(LOOKS - 1)
    assert looking.ended == 0
    looking.watch.stop()
    assert not looking.watch.is_on


async def test_an_answer_that_came_while_the_loop_was_away_is_in_time() -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ours, theirs = await _pair(answer)

    async with attentive_timeout(LIMIT_S):
        theirs.write(b"here")
        time.sleep(AWAY_S)  # noqa: ASYNC251 - the loop is to be away
        assert await answer == "here"

    ours.close()
    theirs.close()


async def test_who_never_answers_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        async with attentive_timeout(LIMIT_S):
            await asyncio.get_running_loop().create_future()


async def test_what_ends_in_time_is_not_disturbed_afterwards() -> None:
    async with attentive_timeout(LIMIT_S):
        await asyncio.sleep(0)
    await asyncio.sleep(2 * LIMIT_S)


async def test_who_is_cancelled_is_not_late() -> None:
    async def wait() -> None:
        async with attentive_timeout(60):
            await asyncio.get_running_loop().create_future()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


class _Heard(asyncio.Protocol):
    def __init__(self, answer: "asyncio.Future[str]") -> None:
        self._answer = answer

    def data_received(self, data: bytes) -> None:
        self._answer.set_result(data.decode())


async def _pair(
    answer: "asyncio.Future[str]",
) -> tuple[asyncio.Transport, asyncio.Transport]:
    """Two ends; what the other writes is the answer."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[asyncio.BaseTransport] = loop.create_future()

    class Accept(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(transport)

    server = await loop.create_server(Accept, "127.0.0.1", 0)
    ours, _ = await loop.create_connection(
        lambda: _Heard(answer), *server.sockets[0].getsockname()[:2]
    )
    theirs = await accepted
    server.close()
    assert isinstance(theirs, asyncio.Transport)
    return ours, theirs
