"""Tweets in a topic, and a Faust worker that takes them into home timelines."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from domain.events import PostText, TweetPosted
from domain.ids import EventId
from domain.topics import TOPICS
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.keyring import SqliteKeyring
from projections.home_timelines import HOME_TIMELINES, AddPost
from projections.projection import SharedStore
from streams.envelope import Codec
from streams.faust.worker import Worker
from streams.records import record_of

PARTITIONS: Final = 8
WAIT_S: Final = 60.0


class Watched:
    """A store, with when its first batch began and its last one was done."""

    def __init__(self, store: SharedStore[Any], events: int) -> None:
        self._store = store
        self._left = events
        self._began = 0.0
        self.took_s = 0.0
        self.done = asyncio.Event()

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""
        await self._store.claim(partitions)

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._began = self._began or perf_counter()
        await self._store.apply(operations, checkpoint)
        self._left -= len(operations)
        if self._left <= 0:
            self.took_s = perf_counter() - self._began
            self.done.set()

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._store.checkpoint()


class Topic:
    """Topics of this run's own."""

    def __init__(self, brokers: str, prefix: str, codec: Codec, letters: SqliteDeadLetters) -> None:
        self._brokers = brokers
        self._codec = codec
        self._letters = letters
        self.prefix = prefix
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20})

    async def produce(self, posts: Sequence[AddPost]) -> None:
        """One tweet for each."""
        await asyncio.to_thread(self._produce, posts)

    def _produce(self, posts: Sequence[AddPost]) -> None:
        for author, post in posts:
            self._one(TweetPosted(event_id=EventId(post), actor_id=author, personal=PostText("")))
        assert self._producer.flush(WAIT_S) == 0

    def _one(self, tweet: TweetPosted) -> None:
        record = record_of(tweet, tweet.event_id, self._codec)
        headers: list[tuple[str, str | bytes | None]] = list(record.headers)
        topic = f"{self.prefix}{record.topic}"
        self._producer.produce(topic, record.value, record.key, headers=headers)
        self._producer.poll(0)

    async def work(self, store: SharedStore[Any], events: int) -> float:
        """Run a worker until so many events are applied: seconds from the first batch on."""
        watched = Watched(store, events)
        worker = Worker(
            HOME_TIMELINES, watched, self._letters, self._codec, self._brokers, prefix=self.prefix
        )
        running = asyncio.ensure_future(worker.run())
        done = asyncio.ensure_future(watched.done.wait())
        await asyncio.wait([running, done], return_when=asyncio.FIRST_COMPLETED)
        assert watched.done.is_set(), running.exception()
        running.cancel()
        await asyncio.wait([running])
        return watched.took_s


@asynccontextmanager
async def topic(brokers: str, folder: Path, graph: str) -> AsyncIterator[Topic]:
    """Gone at the end. `folder` is for what the worker needs beside the store."""
    admin = AdminClient({"bootstrap.servers": brokers})
    with (
        closing(SqliteKeyring(folder / f"{graph}_keys.db")) as keyring,
        closing(SqliteDeadLetters(folder / f"{graph}_letters.db")) as letters,
    ):
        made = Topic(brokers, f"fanout{os.getpid()}_{graph}_", Codec(keyring), letters)
        names = [f"{made.prefix}{name}" for name in TOPICS]
        for future in admin.create_topics([NewTopic(n, PARTITIONS, 1) for n in names]).values():
            future.result(WAIT_S)
        try:
            yield made
        finally:
            for future in admin.delete_topics(names).values():
                future.result(WAIT_S)
