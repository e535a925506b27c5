"""How fast a worker takes events in, beside a bare aiokafka consumer reading the same topic.

Run with `python -m tests.bench.bench_worker HOST:PORT [EVENTS]` over a broker that is up. The
bare consumer throws the records away, the worker passes them over or decodes and projects every
one for a store that keeps nothing, and Faust's own way stands beside them. All read the same likes
from eight partitions, in turn, on this process's event loop.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

import faust
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from domain.events import BookmarkAdded, LikeAdded, Recorded
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.keyring import SqliteKeyring
from projections.projection import Projection
from streams.envelope import Codec
from streams.faust.worker import Worker
from streams.records import record_of
from tests import facts
from tests.bench.figures import Figure, Figures

PARTITIONS: Final = 8
EVENTS: Final = 100_000
ROUNDS: Final = 3
TOPIC: Final = LikeAdded.TOPIC


def project(batch: Sequence[Recorded]) -> Sequence[Recorded]:
    """Everything, as it is."""
    return batch


LIKES: Final = Projection("likes", 1, frozenset({LikeAdded}), project)
# It reads the same topic, and wants nothing that is there.
BOOKMARKS: Final = Projection("bookmarks", 1, frozenset({BookmarkAdded}), project)


class Counting:
    """A store that counts, and says when it has had so many."""

    def __init__(self, events: int) -> None:
        self._left = events
        self.done = asyncio.Event()
        self.began = 0.0

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        del operations, checkpoint

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return {}

    def assigned(self, _projection: str, partitions: int) -> None:
        """See `Observer.assigned`."""

    def regressed(self, _projection: str, partitions: int) -> None:
        """See `Observer.regressed`."""

    def superseded(self, _projection: str, partitions: int) -> None:
        """See `Observer.superseded`."""

    def took(self, _projection: str, events: int) -> None:
        """See `Observer.took`."""
        self.began = self.began or perf_counter()
        self._left -= events
        if self._left <= 0:
            self.done.set()


class Taken(NamedTuple):
    """Events for each second from the first batch to the last, and for each second of CPU."""

    per_s: float
    per_cpu_s: float


class Bench:
    """A topic full of likes, and who reads it."""

    def __init__(self, brokers: str, events: int, codec: Codec, folder: Path) -> None:
        self._brokers = brokers
        self._events = events
        self._codec = codec
        self._folder = folder
        self._prefix = f"bench{os.getpid()}_"
        self._groups = 0

    @asynccontextmanager
    async def topic(self) -> AsyncIterator[None]:
        name = f"{self._prefix}{TOPIC}"
        admin = AdminClient({"bootstrap.servers": self._brokers})
        admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
        try:
            self._fill(name)
            yield
        finally:
            admin.delete_topics([name])[name].result(30)

    def _fill(self, name: str) -> None:
        producer = Producer({"bootstrap.servers": self._brokers, "linger.ms": 20})
        post = facts.tweet("ada")
        for number in range(self._events):
            like = facts.liked("bob", post)
            record = record_of(like, like.event_id, self._codec)
            place = number % PARTITIONS
            headers: list[tuple[str, str | bytes | None]] = list(record.headers)
            producer.produce(name, record.value, record.key, place, headers=headers)
            if number % 10_000 == 0:
                producer.flush(30)
        assert producer.flush(30) == 0

    async def bare(self, store: Counting) -> None:
        """aiokafka alone."""
        consumer = AIOKafkaConsumer(
            f"{self._prefix}{TOPIC}",
            bootstrap_servers=self._brokers,
            group_id=self._group(),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            while not store.done.is_set():
                for records in (await consumer.getmany(timeout_ms=1_000)).values():
                    store.took("", len(records))
        finally:
            await consumer.stop()

    async def worker(self, store: Counting) -> None:
        """Ours: every event is decoded, projected and applied."""
        await self._work(LIKES, store)

    async def passing(self, store: Counting) -> None:
        """Ours, where every event is passed over: what taking them in costs."""
        await self._work(BOOKMARKS, store)

    async def _work(self, projection: Projection, store: Counting) -> None:
        with closing(SqliteDeadLetters(self._folder / "letters.db")) as letters:
            worker = Worker(
                projection,
                store,
                letters,
                self._codec,
                self._brokers,
                prefix=self._prefix,
                generation=self._next_group(),
                observer=store,
            )
            await _until_done(worker.run, store)

    async def stock(self, store: Counting) -> None:
        """A Faust agent as its manual has it, acknowledging batches; nothing is decoded."""
        app = faust.App(
            self._group(),
            broker=f"kafka://{self._brokers}",
            datadir=str(self._folder),
            topic_disable_leader=True,
            table_standby_replicas=0,
            stream_wait_empty=False,
            web_enabled=False,
        )

        @app.agent(app.topic(f"{self._prefix}{TOPIC}", value_type=bytes, value_serializer="raw"))
        async def take(stream: Any) -> None:
            async for events in stream.noack_take(500, within=0.02):
                store.took("", len(events))
                for event in events:
                    event.ack()

        async def run() -> None:
            await app.start()
            try:
                await app.wait_until_stopped()
            finally:
                await app.stop()

        await _until_done(run, store)

    async def measure(self, read: Callable[[Counting], Awaitable[None]]) -> Taken:
        store = Counting(self._events)
        cpu = process_time()
        reading = asyncio.ensure_future(read(store))
        await store.done.wait()
        taken_s, cpu_s = perf_counter() - store.began, process_time() - cpu
        await reading
        return Taken(self._events / taken_s, self._events / cpu_s)

    def _next_group(self) -> int:
        self._groups += 1
        return self._groups

    def _group(self) -> str:
        return f"{self._prefix}{self._next_group()}"


async def _until_done(run: Callable[[], Awaitable[None]], store: Counting) -> None:
    running = asyncio.ensure_future(run())
    waiting = asyncio.ensure_future(store.done.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    assert store.done.is_set(), running.exception()
    running.cancel()
    await asyncio.wait([running])


async def measure(figures: Figures, brokers: str, events: int = EVENTS) -> None:
    """Each in its turn, several times; the medians."""
    with TemporaryDirectory(prefix="starling-bench-") as scratch:
        folder = Path(scratch)
        with closing(SqliteKeyring(folder / "keys.db")) as keyring:
            bench = Bench(brokers, events, Codec(keyring), folder)
            async with bench.topic():
                ways = (bench.bare, bench.passing, bench.worker, bench.stock)
                rounds = [[await bench.measure(one) for one in ways] for _ in range(ROUNDS)]
    names = (
        "A bare aiokafka consumer",
        "A worker, nothing is wanted",
        "A worker, everything is decoded",
        "Faust's own noack_take, nothing decoded",
    )
    medians = [
        Taken(median(one.per_s for one in column), median(one.per_cpu_s for one in column))
        for column in zip(*rounds, strict=True)
    ]
    for name, taken in zip(names, medians, strict=True):
        ratio = None if taken is medians[0] else taken.per_s / medians[0].per_s
        note = f"{taken.per_cpu_s:,.0f} for each second of CPU, start and end included"
        against = "a bare consumer" if ratio else ""
        figures.add(Figure(name, taken.per_s, "events/s", against=against, ratio=ratio, note=note))


if __name__ == "__main__":
    asyncio.run(measure(Figures(), sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else EVENTS))
