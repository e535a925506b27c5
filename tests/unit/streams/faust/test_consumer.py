"""What is committed to the broker, with Faust's own consumer and with ours.

Where Faust's is expected to fail, that is why ours overrides it: once it passes, ours may go.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import pytest
import pytest_asyncio
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP, TransportT

from streams.faust.app import FETCHED_MAX, REBALANCE_S, SESSION_S, STALLED_S, ProjectionApp
from streams.faust.consumer import (
    CHUNK,
    MANY,
    MANY_PACE_S,
    PACE_S,
    CheckpointedConsumer,
    CheckpointedThread,
    Fetched,
)
from streams.faust.expected import Expected

PARTITION: Final = TP("new_tweet", 0)
SINK_IS_AT, BROKER_IS_AT, END = 7, 50, 100


class Sink:
    """Knows where to begin."""

    def __init__(self) -> None:
        self.expected: Expected[TP] = Expected()
        self.inbox: asyncio.Queue[Fetched] = asyncio.Queue()
        self.expected.begin({PARTITION: 0})
        self.owned: frozenset[TP] | None = frozenset([PARTITION])

    async def offsets(self, partitions: Sequence[TP]) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, SINK_IS_AT)

    def stalled(self, error: Exception) -> None:
        raise error

    def own(self, partitions: frozenset[TP] | None) -> None:
        self.owned = partitions


class Books:
    """A consumer without a broker: what it committed, and whether the broker takes it."""

    def given(self, *, committed: int) -> None:
        self.commits: list[int] = []
        self.broker_takes_it = True
        self._committed_offset: Any
        self._acked: Any
        self._committed_offset[PARTITION] = committed

    def applied(self, *offsets: int) -> None:
        self._acked[PARTITION].extend(offsets)

    async def commit_now(self) -> None:
        await self.force_commit()  # type: ignore[attr-defined]

    async def begin(self) -> int | None:
        """Where reading begins."""
        self._read_offset: Any
        await self.perform_seek()  # type: ignore[attr-defined]
        return self._read_offset[PARTITION]  # type: ignore[no-any-return]

    async def take_all(self, fetcher: object) -> None:
        """Hand over what is fetched, until the fetcher stops."""
        await self._drain_messages(fetcher)  # type: ignore[attr-defined]

    async def hand_over(self, records: Sequence[int]) -> None:
        await self._hand_over({PARTITION: records})  # type: ignore[attr-defined]

    async def seek_to_committed(self) -> Mapping[TP, int]:
        return {PARTITION: BROKER_IS_AT}

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self._read_offset.update(partitions)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, 0)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, END)

    def assignment(self) -> set[TP]:
        return {PARTITION}

    def close(self) -> None:
        """The thread was never started, but it has an event loop."""
        self._thread: Any
        self._thread.thread_loop.close()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.broker_takes_it:
            self.commits.append(offsets[PARTITION])
        return self.broker_takes_it


class StockBooks(Books, Consumer):
    """Faust's own methods."""


class OurBooks(Books, CheckpointedConsumer):
    """Ours."""


class StockTransport(Transport):
    Consumer = StockBooks


class OurTransport(Transport):
    Consumer = OurBooks


class BooksApp(ProjectionApp):
    def __init__(self, transport: type[Transport]) -> None:
        self._kind = transport
        super().__init__("books", "localhost:1", Sink())

    def _new_transport(self) -> TransportT:
        return self._kind(self.conf.broker_consumer, self)


FAULTY: Final = pytest.param(
    StockTransport, marks=pytest.mark.xfail(strict=True, reason="Faust's fault"), id="stock"
)
OURS: Final = pytest.param(OurTransport, id="ours")


@pytest_asyncio.fixture
async def books(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    consumer: Any = BooksApp(request.param).consumer

    async def flush() -> None:
        """Nothing is produced."""

    consumer.app.producer.flush = flush
    yield consumer
    consumer.close()


both = pytest.mark.parametrize("books", [OURS, FAULTY], indirect=True)


@both
async def test_nothing_is_committed_past_what_is_not_acknowledged(books: Any) -> None:
    books.given(committed=30)
    books.applied(*range(30, 37), *range(38, 41))

    await books.commit_now()
    await books.commit_now()

    assert books.commits == [37]


@both
async def test_the_first_record_of_a_partition_is_not_skipped(books: Any) -> None:
    books.given(committed=0)
    books.applied(1, 2, 3)

    await books.commit_now()

    assert books.commits == []


@both
async def test_what_the_broker_did_not_take_is_committed_again(books: Any) -> None:
    books.given(committed=30)
    books.applied(30, 31)
    books.broker_takes_it = False
    await books.commit_now()
    books.broker_takes_it = True

    await books.commit_now()

    assert books.commits == [32]


@both
async def test_reading_begins_where_the_sink_is_whatever_the_broker_has(books: Any) -> None:
    assert await books.begin() == SINK_IS_AT


@both
async def test_a_group_that_meets_while_the_app_stops_closes_nothing(books: Any) -> None:
    talking = SimpleNamespace(_closed=False)
    books._thread._consumer = talking  # noqa: SLF001 - as it is once the thread runs

    books._thread.close()  # noqa: SLF001 - what Faust calls then

    assert not talking._closed  # noqa: SLF001


@pytest.mark.parametrize("books", [OURS], indirect=True)
async def test_what_comes_of_revoked_partitions_is_anothers(
    books: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried: list[None] = []
    monkeypatch.setattr(CheckpointedThread, "hurry", lambda _: hurried.append(None))

    await books.on_partitions_revoked({PARTITION})

    sink = books.app.sink
    assert (sink.expected.next, sink.owned, hurried) == ({}, None, [None])


@pytest.mark.parametrize("books", [OURS], indirect=True)
async def test_what_comes_while_the_flow_is_stopped_is_dropped(books: Any) -> None:
    records = range(CHUNK + 1)

    await books.hand_over(records)
    books.stop_flow()
    await books.hand_over(records)

    inbox = books.app.sink.inbox
    assert [inbox.get_nowait() for _ in range(inbox.qsize())] == [
        Fetched(PARTITION, records[:CHUNK]),
        Fetched(PARTITION, records[CHUNK:]),
    ]


@pytest.mark.parametrize("books", [OURS], indirect=True)
async def test_only_who_stands_still_behind_the_newest_record_is_sought(
    books: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("behind", "moving", "at the end", "paused")
    behind, moving, at_end, paused = (TP(name, 0) for name in names)
    sought: list[TP] = []

    async def note(partition: TP) -> None:
        sought.append(partition)

    books.app.sink.expected.begin({behind: 3, moving: 4, at_end: 9, paused: 3})
    books.resume_partitions([behind, moving, at_end])
    monkeypatch.setattr(books, "highwater", lambda _: 9)
    monkeypatch.setattr(books, "seek_again", note)
    now = await books.seek_where_nothing_comes({behind: 3, moving: 3, at_end: 9, paused: 3})

    assert sought == [behind]
    assert now == {PARTITION: 0, behind: 3, moving: 4, at_end: 9, paused: 3}


@pytest.mark.parametrize("books", [OURS], indirect=True)
async def test_what_aiokafka_is_told_of_the_group(
    books: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiokafka.AIOKafkaConsumer", SimpleNamespace)

    told = books._thread._create_worker_consumer(books.transport)  # noqa: SLF001

    assert told.session_timeout_ms == SESSION_S * 1_000
    # Several may be lost.
    assert told.heartbeat_interval_ms * 3 <= told.session_timeout_ms
    assert told.rebalance_timeout_ms == REBALANCE_S * 1_000
    assert told.max_poll_interval_ms == STALLED_S * 1_000
    assert told.max_poll_records == FETCHED_MAX
    assert told.partition_assignment_strategy == [RoundRobinPartitionAssignor]
    assert (told.enable_auto_commit, told.auto_offset_reset) == (False, "earliest")


@pytest.mark.parametrize("books", [OURS], indirect=True)
async def test_a_gap_that_closes_is_committed(books: Any) -> None:
    books.given(committed=30)
    books.applied(30, 32, 33)
    await books.commit_now()
    books.applied(31)

    await books.commit_now()

    assert books.commits == [31, 34]


@pytest.mark.parametrize("books", [OURS], indirect=True)
async def test_few_records_at_a_time_are_taken_at_a_pace(
    books: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetches = [0, 1, CHUNK, MANY - 1, MANY, CHUNK - 1]
    fetcher = SimpleNamespace(should_stop=False)
    rests: list[float] = []

    async def fetched(_timeout: float) -> tuple[Mapping[TP, Sequence[int]], None]:
        return {PARTITION: range(fetches[len(rests)])}, None

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        fetcher.should_stop = len(rests) == len(fetches)

    monkeypatch.setattr(books, "_wait_next_records", fetched)
    monkeypatch.setattr(asyncio, "sleep", rest)
    await books.take_all(fetcher)

    assert rests == [0, PACE_S, 0, PACE_S, MANY_PACE_S, MANY_PACE_S]
