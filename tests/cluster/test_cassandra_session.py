"""The way to Cassandra breaks and comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from os import getpid
from typing import Final

import pytest
import pytest_asyncio
from cassandra.cluster import EXEC_PROFILE_DEFAULT

from infra.cassandra.session import TIMEOUT_S, CassandraSession
from infra.cassandra.view_tables import ViewTables
from projections.projection import StoreUnavailable
from tests.cluster.local import LocalCluster

KEYSPACE: Final = "sessions"
BACK_S: Final = 120.0
AGAIN_S: Final = 0.05
NO_ANSWER_S: Final = 1.0
ROWS: Final = 6_000
PUT: Final = "INSERT INTO @rows (part, id, said) VALUES (1, ?, ?)"
GET: Final = "SELECT id, said FROM @rows WHERE part = 1"
ONCE: Final = "INSERT INTO @rows (part, id, said) VALUES (2, 1, 'first') IF NOT EXISTS"


class Way:
    """What carries bytes between the driver and Cassandra, until it is `cut` or while it is not
    `held`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[asyncio.StreamWriter] = set()
        self._free = asyncio.Event()
        self._free.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._open |= {writer, there_writer}
        with suppress(ConnectionError):
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        for one in (writer, there_writer):
            one.close()

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    def hold(self) -> None:
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._free.wait()
            writer.write(data)
        writer.close()


@pytest_asyncio.fixture
async def way(cluster: LocalCluster) -> Way:
    return Way(cluster.ports.cassandra)


@pytest_asyncio.fixture
async def tables(way: Way) -> AsyncIterator[ViewTables]:
    listening = await asyncio.start_server(way.carry, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    session = await CassandraSession.connect("127.0.0.1", port, KEYSPACE)
    schema = {"rows": "part int, id bigint, said text, PRIMARY KEY (part, id)"}
    made = ViewTables(session, f"way_{getpid()}", schema)
    await made.create()
    yield made
    await made.drop()
    await session.close()
    listening.close()
    way.cut()


async def back(tables: ViewTables) -> int:
    """How often there was an outage before there was an answer."""
    outages = 0
    async with asyncio.timeout(BACK_S):
        while True:
            try:
                await tables.read(GET)
            except StoreUnavailable:
                outages += 1
                await asyncio.sleep(AGAIN_S)
            else:
                return outages


async def test_rows_of_many_pages_come_with_the_names_of_their_columns(tables: ViewTables) -> None:
    texts = [f"said {number}" for number in range(ROWS)]
    for start in range(0, ROWS, 3_000):
        some = range(start, start + 3_000)
        await tables.read_all((PUT, (number, texts[number])) for number in some)

    rows = await tables.read(GET)
    decided = [(await tables.read(ONCE))[0].applied for _ in range(2)]

    assert [row.said for row in rows] == texts
    assert [row.id for row in rows] == list(range(ROWS))
    assert decided == [True, False]


async def test_a_way_that_is_cut_is_an_outage_and_the_next_one_is_found(
    tables: ViewTables, way: Way
) -> None:
    await tables.read(GET)
    way.hold()
    waiting = [asyncio.create_task(tables.read(GET)) for _ in range(5)]
    await asyncio.sleep(AGAIN_S)
    way.cut()
    way.let_go()

    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await back(tables)

    assert {type(one) for one in outcomes} == {StoreUnavailable}
    assert await tables.read(GET) == []


async def test_what_is_not_answered_in_time_is_an_outage(way: Way, cluster: LocalCluster) -> None:
    listening = await asyncio.start_server(way.carry, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    session = await CassandraSession.connect("127.0.0.1", port, KEYSPACE)
    ask = "SELECT key FROM system.local"
    await session.execute(ask)
    # Only this one: others are answered, which may take its time.
    profile = session._session.get_execution_profile(EXEC_PROFILE_DEFAULT)  # noqa: SLF001
    profile.request_timeout = NO_ANSWER_S
    way.hold()

    with pytest.raises(StoreUnavailable):
        await session.execute(ask)
    way.let_go()
    profile.request_timeout = TIMEOUT_S
    answered = await session.execute(ask)
    await session.close()
    listening.close()
    way.cut()

    assert [row.key for row in answered] == ["local"]
