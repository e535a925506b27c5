"""A server with too much to do turns requests away at once, and finishes what it took on."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import httpx
import pytest
import uvicorn

from infra.overload import INTERVAL_S, WAIT_S, ReadQueue, shedding
from tests.asgi import OpenChecks
from tests.clock import Clock
from web.app import build
from web.routing import Auth, Call, Reply, Route

REQUESTS_MAX: Final = 3
CROWD: Final = 2
ANSWERS_S: Final = 60.0


class Slow:
    """Endpoints that answer when they are told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.free = asyncio.Event()

    async def slow(self, _call: Call) -> Reply:
        self.begun.release()
        await self.free.wait()
        return Reply(204)

    async def probe(self, _call: Call) -> Reply:
        return Reply(204)


class Town(NamedTuple):
    slow: Slow
    client: httpx.AsyncClient

    async def busy(self) -> list["asyncio.Task[httpx.Response]"]:
        """As many requests as there may be."""
        asked = [asyncio.create_task(self.client.get("/slow")) for _ in range(REQUESTS_MAX)]
        for _ in asked:
            await self.slow.begun.acquire()
        return asked


@asynccontextmanager
async def serving(
    streams: Callable[[], int] = lambda: 0, queue: ReadQueue | None = None
) -> AsyncIterator[Town]:
    # Taken from the beginning: a port that was only found free may be somebody else's by now.
    slow, listening = Slow(), socket.create_server(("127.0.0.1", 0))
    routes = (
        Route(method="GET", path="/slow", endpoint=slow.slow, summary="", auth=Auth.NONE),
        Route(method="POST", path="/slow", endpoint=slow.slow, summary="", auth=Auth.NONE),
        Route(
            method="GET",
            path="/livez",
            endpoint=slow.probe,
            summary="",
            auth=Auth.NONE,
            limited=False,
        ),
    )
    config = uvicorn.Config(
        build(routes, OpenChecks().edge()),
        http=shedding(streams, requests_max=REQUESTS_MAX, queue=queue),
        log_config=None,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(
        server._serve([listening])  # noqa: SLF001 - signals are the test run's
    )
    try:
        while not server.started:  # noqa: ASYNC110 - it tells in no other way
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=ANSWERS_S) as client:
            yield Town(slow, client)
    finally:
        slow.free.set()
        server.should_exit = True
        await running


async def test_what_is_too_much_is_turned_away_and_what_was_accepted_is_answered() -> None:
    async with serving() as town:
        accepted = await town.busy()

        refused = await town.client.get("/slow")
        town.slow.free.set()

        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"] == "/problems/overloaded"
        assert "Request-Id" in refused.headers
        assert {(await one).status_code for one in accepted} == {204}
        assert (await town.client.get("/slow")).status_code == 204


async def test_probes_are_answered_all_the_same() -> None:
    async with serving() as town:
        await town.busy()

        assert (await town.client.get("/livez")).status_code == 204


@pytest.mark.parametrize(("streams", "status"), [(1, 204), (0, 503)])
async def test_streams_take_no_room_from_requests(streams: int, status: int) -> None:
    async with serving(lambda: streams) as town:
        await town.busy()
        asked = asyncio.create_task(town.client.get("/slow"))
        if status == 204:
            await town.slow.begun.acquire()
            town.slow.free.set()

        assert (await asked).status_code == status


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> ReadQueue:
    return ReadQueue(crowd=CROWD, clock=clock)


def stand(queue: ReadQueue, clock: Clock) -> None:
    """A crowd of which nobody is answered for an interval."""
    for _ in range(2):
        clock.now += INTERVAL_S
        queue.begin(CROWD)


def test_a_crowd_of_which_nobody_is_answered_is_enough(queue: ReadQueue, clock: Clock) -> None:
    stand(queue, clock)

    assert queue.begin(CROWD) is None
    assert queue.begin(CROWD - 1) is not None


@pytest.mark.parametrize(("took_s", "is_taken"), [(WAIT_S, True), (WAIT_S + 0.1, False)])
def test_the_quickest_answer_tells_whether_there_is_a_queue(
    queue: ReadQueue, clock: Clock, took_s: float, is_taken: bool
) -> None:
    clock.now = 10.0
    queue.begin(CROWD)
    for slower_s in (took_s, 60.0):
        queue.end(clock.now - slower_s)
    clock.now += INTERVAL_S

    assert (queue.begin(CROWD) is not None) is is_taken


def test_it_ends_with_the_first_quick_answer(queue: ReadQueue, clock: Clock) -> None:
    stand(queue, clock)
    began = queue.begin(CROWD - 1)
    assert began is not None
    queue.end(began)
    clock.now += INTERVAL_S

    assert queue.begin(CROWD) is not None


def test_a_burst_after_silence_is_no_queue(queue: ReadQueue, clock: Clock) -> None:
    stand(queue, clock)
    clock.now += 10 * INTERVAL_S

    assert all(queue.begin(number) is not None for number in range(10 * CROWD))


async def test_while_reads_stand_in_a_queue_reads_are_turned_away_and_commands_are_not(
    queue: ReadQueue, clock: Clock
) -> None:
    async with serving(queue=queue) as town:
        accepted = [asyncio.create_task(town.client.get("/slow")) for _ in range(CROWD)]
        for _ in accepted:
            await town.slow.begun.acquire()
        stand(queue, clock)

        refused = await town.client.get("/slow")
        probe = await town.client.get("/livez")
        posting = asyncio.create_task(town.client.post("/slow"))
        await town.slow.begun.acquire()
        town.slow.free.set()

        assert (refused.status_code, probe.status_code) == (503, 204)
        assert refused.json()["type"] == "/problems/overloaded"
        assert [(await one).status_code for one in (*accepted, posting)] == [204] * (CROWD + 1)
        clock.now += INTERVAL_S
        assert (await town.client.get("/slow")).status_code == 204
