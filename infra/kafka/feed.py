"""The topics as a feed for who has no group: the newest events from memory, older ones by seeking.

A thread follows every partition from where it ended when the feed was started. Events are decoded
there, because opening a sealed field may wait for a key.
"""

import asyncio
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from domain.errors import Unavailable
from domain.topics import Place, place_of
from infra.kafka.client import LOGGER
from infra.kafka.reading import KafkaRecord, PartitionReader, TrimmedAway, consumer, record_in
from infra.kafka.topics import KafkaTopics
from streams.envelope import Codec
from streams.feed import Fed

TAIL_MAX: Final = 300
GROUP_MAX: Final = 1_000
BATCH: Final = 1_000
POLL_S: Final = 0.1
RETRY_S: Final = 0.5


class _Tail:
    """The newest events of a partition; `head` is the position of the last one taken."""

    __slots__ = ("events", "head")

    def __init__(self, head: int, tail_max: int) -> None:
        self.head = head
        self.events: deque[Fed] = deque(maxlen=tail_max)

    def take(self, fed: Fed) -> None:
        self.events.append(fed)
        self.head = fed.position

    def behind(self, after: int, limit: int) -> Sequence[Fed] | None:
        """None where they are older than what is here."""
        if after >= self.head:
            return ()
        if not self.events or self.events[0].position > after + 1:
            return None
        start = bisect_right(self.events, after, key=attrgetter("position"))
        return list(islice(self.events, start, start + limit))


@dataclass(eq=False, slots=True)
class _Waiter:
    after: Mapping[int, int]
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.woken.set)


class KafkaFeed:
    """Implements `streams.feed.Feed` for all partitions of all topics, between `start` and
    `close`. Partitions go by number (`domain.topics.Place.number`)."""

    def __init__(
        self, servers: str, codec: Codec, *, prefix: str = "", tail_max: int = TAIL_MAX
    ) -> None:
        self._servers = servers
        self._codec = codec
        self._prefix = prefix
        self._tail_max = tail_max
        self._topics = KafkaTopics(servers, prefix=prefix)
        self._tails: dict[int, _Tail] = {}
        self._lock = threading.Lock()
        self._waiters: set[_Waiter] = set()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._seeking = ThreadPoolExecutor(1, thread_name_prefix="kafka-seek")
        self._reader: PartitionReader | None = None

    async def start(self) -> None:
        """Follow the topics from their present ends. Raises Unavailable."""
        ends = await self._topics.ends()
        if not ends:
            raise Unavailable("Kafka has none of the topics")
        self._tails = {place.number: _Tail(end, self._tail_max) for place, end in ends.items()}
        self._thread = threading.Thread(target=self._follow, name="kafka-feed", daemon=True)
        self._thread.start()

    @property
    def partitions(self) -> Sequence[int]:
        """The numbers of all of them."""
        return sorted(self._tails)

    def head(self, partition: int) -> int:
        """See `Feed.head`: of the newest event that has come here."""
        return self._tails[partition].head

    async def positions(self) -> Mapping[int, int]:
        """The position of the newest event of every partition, as Kafka says now.

        Raises Unavailable.
        """
        return {place.number: end for place, end in (await self._topics.ends()).items()}

    async def wait(self, partition: int, after: int) -> None:
        """See `Feed.wait`."""
        await self.wait_any({partition: after})

    async def wait_any(self, after: Mapping[int, int]) -> None:
        """Return once one of these partitions has an event behind its position."""
        waiter = _Waiter(after, asyncio.get_running_loop())
        with self._lock:
            if self._has_behind(after):
                return
            self._waiters.add(waiter)
        try:
            await waiter.woken.wait()
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        """See `Feed.read`. Raises TrimmedAway where only the archive has them."""
        if self._thread is None or not self._thread.is_alive():
            raise Unavailable("The feed does not follow the topics")
        with self._lock:
            found = self._tails[partition].behind(after, limit)
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._seeking, self._seek, partition, after, limit)

    async def read_range(
        self, partition: int, after: int, until: int
    ) -> AsyncIterator[Sequence[Fed]]:
        """The events behind `after` up to and including `until`, in batches, by a connection of
        its own: several may be read at once. Raises TrimmedAway, Unavailable."""
        place = place_of(partition)
        reader = await asyncio.to_thread(PartitionReader, self._servers, prefix=self._prefix)
        try:
            while after < until:
                limit = min(BATCH, until - after)
                batch = await asyncio.to_thread(self._decoded, reader, place, after, limit)
                if not batch:
                    raise Unavailable(f"{place.name} ends at {after}, before {until}")
                after = batch[-1].position
                yield batch
        finally:
            await asyncio.to_thread(reader.close)

    async def close(self) -> None:
        """Follow no more, and let the connections go."""
        self._ending.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        if self._reader is not None:
            await asyncio.to_thread(self._reader.close)
        self._seeking.shutdown(wait=False)

    def _has_behind(self, after: Mapping[int, int]) -> bool:
        return any(self._tails[number].head > position for number, position in after.items())

    def _seek(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        if self._reader is None:
            self._reader = PartitionReader(self._servers, prefix=self._prefix)
        return self._decoded(self._reader, place_of(partition), after, limit)

    def _decoded(
        self, reader: PartitionReader, place: Place, after: int, limit: int
    ) -> Sequence[Fed]:
        return [one.fed(place, self._codec) for one in reader.read(place, after, limit)]

    def _follow(self) -> None:
        following = consumer(self._servers)
        places = [(place_of(number), tail.head) for number, tail in self._tails.items()]
        try:
            following.assign(
                [TopicPartition(self._prefix + one.topic, one.partition, at) for one, at in places]
            )
            while not self._ending.is_set():
                self._take_group(following)
        except (KafkaException, Unavailable) as error:
            LOGGER.error("The feed has ended: %s", error)
        finally:
            self._wake(list(self._waiters))
            following.close()

    def _take_group(self, following: Consumer) -> None:
        """What has come, decoded, in one go: who waits is woken once."""
        first = following.poll(POLL_S)
        if first is None:
            return
        group = []
        for message in (first, *following.consume(GROUP_MAX, 0)):
            try:
                record = record_in(message)
            except TrimmedAway:
                raise
            except Unavailable as error:
                LOGGER.warning("The feed goes on after: %s", error)
                continue
            topic = (message.topic() or "").removeprefix(self._prefix)
            fed = self._decode_in_the_end(Place(topic, message.partition() or 0), record)
            if fed is not None:
                group.append(fed)
        self._hand_on(group)

    def _decode_in_the_end(self, place: Place, record: KafkaRecord) -> Fed | None:
        """None if the feed is closed before the key that it takes can be had."""
        while not self._ending.is_set():
            try:
                return record.fed(place, self._codec)
            except Unavailable:
                self._ending.wait(RETRY_S)
        return None

    def _hand_on(self, group: Sequence[Fed]) -> None:
        with self._lock:
            for fed in group:
                self._tails[fed.partition].take(fed)
            waiting = [one for one in self._waiters if self._has_behind(one.after)]
        self._wake(waiting)

    def _wake(self, waiting: Sequence[_Waiter]) -> None:
        for one in waiting:
            one.wake()
