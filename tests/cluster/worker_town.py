"""Topics of a test's own, a notebook that workers fill, and the workers, here or as processes."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from domain.events import Event
from domain.ids import millis_of
from domain.topics import TOPICS, Place, place_of
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.keyring import SqliteKeyring
from streams.envelope import Codec
from streams.faust.worker import Worker
from streams.feed import Lookup
from streams.records import record_of
from tests import facts
from tests.cluster.notebook import NOTEBOOK, HeldNotebook, Notebook

PARTITIONS: Final = 8
# A deadline for what always comes: machines are slow, and busy with other things.
WAIT_S: Final = 300.0
AGAIN_S: Final = 0.05
_runs = count(1)


class Town:
    """Topics of a test's own, a file that workers fill, and workers as processes."""

    def __init__(self, brokers: str, folder: Path, opened: ExitStack) -> None:
        self.brokers = brokers
        self.folder = folder
        self.prefix = f"w{os.getpid()}_{next(_runs)}."
        self.notebook = Notebook(folder / "notebook.db")
        self.letters = opened.enter_context(closing(SqliteDeadLetters(folder / "dead_letters.db")))
        self.codec = Codec(opened.enter_context(closing(SqliteKeyring(folder / "keys.db"))))
        self.ends: Counter[int] = Counter()
        self._opened = opened
        self._producer = Producer(
            {"bootstrap.servers": brokers, "enable.idempotence": True, "log_level": 0}
        )

    def create_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        names = [f"{self.prefix}{topic}" for topic in TOPICS]
        new = [NewTopic(name, PARTITIONS, 1) for name in names]
        made = admin.create_topics(new, request_timeout=WAIT_S)
        for future in made.values():
            future.result(WAIT_S)
        self._opened.callback(lambda: admin.delete_topics(names))

    def produce(self, events: Sequence[Event]) -> list[Place]:
        """Into all partitions in turn; where, once the broker has all of them."""
        places = []
        for event in events:
            record = record_of(event, event.event_id, self.codec)
            places.append(Place(record.topic, millis_of(event.event_id) // 60_000 % PARTITIONS))
            self._send(places[-1], record.key, record.value, list(record.headers))
        assert self._producer.flush(WAIT_S) == 0
        return places

    def produce_garbage(self, place: Place) -> None:
        self._send(
            place, b"1", b"garbage", [("ce_type", b"tweet.posted.v1"), ("ce_streamversion", b"1")]
        )
        assert self._producer.flush(WAIT_S) == 0

    def _send(self, place: Place, key: bytes, value: bytes, headers: list[Any]) -> None:
        self.ends[place.number] += 1
        topic = f"{self.prefix}{place.topic}"
        self._producer.produce(topic, value, key, place.partition, headers=headers)
        self._producer.poll(0)

    def notebook_of(self, writer: str) -> HeldNotebook:
        """The same file, as one of several workers of this process has it."""
        return HeldNotebook(self.folder / "notebook.db", writer=writer)

    def worker(
        self, store: Notebook | None = None, *, brokers: str = "", lookup: Lookup | None = None
    ) -> Worker:
        """A worker for this process."""
        where = brokers or self.brokers
        return Worker(
            NOTEBOOK,
            store or self.notebook,
            self.letters,
            self.codec,
            where,
            prefix=self.prefix,
            lookup=lookup,
        )

    def process(
        self, name: str, slow_s: float = 0.0, port: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """A worker as a process; its log is in the folder."""
        log = self._opened.enter_context((self.folder / f"{name}.log").open("wb"))
        told = [str(self.folder), self.brokers, self.prefix, name, str(slow_s)]
        told += [] if port is None else [str(port)]
        command = (sys.executable, "-m", "tests.cluster.worker_process", *told)
        started = subprocess.Popen(command, stdout=log, stderr=log)
        self._opened.callback(started.wait)
        self._opened.callback(started.kill)
        return started

    def commit_everything(self, group: str) -> None:
        """As if all had been consumed, as far as the broker knows."""
        ends = [self._at(number, end) for number, end in self.ends.items()]
        with closing(self._consumer(group)) as consumer:
            consumer.commit(offsets=ends, asynchronous=False)

    def committed(self, group: str) -> dict[int, int]:
        """What the broker knows of the group, by the numbers of places."""
        with closing(self._consumer(group)) as consumer:
            found = consumer.committed([self._at(number, 0) for number in self.ends], WAIT_S)
        places = [(Place(f.topic.removeprefix(self.prefix), f.partition), f.offset) for f in found]
        return {place.number: offset for place, offset in places if offset >= 0}

    def _consumer(self, group: str) -> Consumer:
        return Consumer({"bootstrap.servers": self.brokers, "group.id": group})

    def _at(self, number: int, offset: int) -> TopicPartition:
        place = place_of(number)
        return TopicPartition(f"{self.prefix}{place.topic}", place.partition, offset)

    def applied_all(self) -> bool:
        return self.notebook.highest() == dict(self.ends)

    def check(self) -> None:
        """Everything was applied, and at no time did a checkpoint say more than was there."""
        assert self.notebook.highest() == dict(self.ends)
        noted = {(one.partition, one.position) for one in self.notebook.noted()}
        ends = self.ends.items()
        assert noted == {(place, at) for place, end in ends for at in range(1, end + 1)}
        assert self.notebook.promises_too_much() == []


@contextmanager
def town_at(brokers: str, folder: Path) -> Iterator[Town]:
    """One with topics, on a broker that is up."""
    with ExitStack() as opened:
        town = Town(brokers, folder, opened)
        town.create_topics()
        yield town


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator["asyncio.Task[None]"]:
    """The worker at work in this process, until the context ends."""
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    """Ask again until it is so: other processes tell nobody when."""
    async with asyncio.timeout(WAIT_S):
        while not true():
            await asyncio.sleep(AGAIN_S)


def letters_in(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "dead_letters.db")) as file:
        return int(file.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0])


def events(number: int) -> list[Event]:
    """Tweets and likes of them, on two topics."""
    found: list[Event] = []
    for _ in range(number // 2):
        tweet = facts.tweet("ada")
        found += [tweet, facts.liked("bob", tweet)]
    return found


async def both_work(town: Town) -> None:
    """Produce until two workers share the partitions."""
    async with asyncio.timeout(WAIT_S):
        while len(town.notebook.writers()) < 2:
            town.produce(events(40))
            await asyncio.sleep(AGAIN_S)
