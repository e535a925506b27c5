"""A thread that follows all partitions without a group, decodes what comes, and hands it on.

Decoding may wait for somebody's key: then that partition waits, and the others go on.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from confluent_kafka import KafkaException, Message, TopicPartition

from domain.errors import Unavailable
from domain.topics import Place
from infra.kafka.client import LOGGER
from infra.kafka.reading import KafkaRecord, TrimmedAway, consumer, record_in
from infra.kafka.tails import Tails
from streams.envelope import Codec
from streams.feed import Fed
from streams.records import load_keys

GROUP_MAX: Final = 1_000
POLL_S: Final = 0.1
# How long what follows may gather: to wake this thread, and all who wait, costs more than to decode
# an event.
GATHER_S: Final = 0.005
RETRY_S: Final = 0.5


class Following:
    """Runs from `start` to `close`, or until a partition cannot be followed any more: `tails` tells
    that it has ended."""

    def __init__(
        self,
        servers: str,
        codec: Codec,
        tails: Tails,
        heads: Mapping[Place, int],
        *,
        prefix: str = "",
    ) -> None:
        self._codec = codec
        self._tails = tails
        self._heads = heads
        self._prefix = prefix
        self._consumer = consumer(servers)
        # Records whose keys cannot be had, and those behind them.
        self._stalled: dict[Place, deque[KafkaRecord]] = {}
        self._retry_at = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="kafka-feed", daemon=True)

    def start(self) -> None:
        """Follow from now on."""
        self._thread.start()

    def close(self) -> None:
        """Follow no more; blocks until the thread has ended."""
        self._ending.set()
        self._thread.join()

    def _follow(self) -> None:
        try:
            self._consumer.assign([self._named(place, at) for place, at in self._heads.items()])
            while not self._ending.wait(GATHER_S):
                self._tails.take(self._next_group())
                if self._stalled and time.monotonic() > self._retry_at:
                    self._tails.take(self._try_again())
        except (KafkaException, Unavailable) as error:
            LOGGER.error("The feed has ended: %s", error)
        finally:
            self._tails.end()
            self._consumer.close()

    def _next_group(self) -> Iterable[Fed]:
        """What has come."""
        first = self._consumer.poll(POLL_S)
        if first is None:
            return ()
        records = list(self._records((first, *self._consumer.consume(GROUP_MAX, 0))))
        with suppress(Unavailable):  # which decoding tells for those who are concerned
            load_keys((record for _, record in records), self._codec)
        group: list[Fed] = []
        for place, record in records:
            if place in self._stalled:
                self._stalled[place].append(record)
            else:
                self._decode(place, record, group)
        return group

    def _records(self, messages: Iterable[Message]) -> Iterator[tuple[Place, KafkaRecord]]:
        for message in messages:
            try:
                record = record_in(message)
            except TrimmedAway:
                raise
            except Unavailable as error:
                LOGGER.warning("The feed goes on after: %s", error)
                continue
            topic = (message.topic() or "").removeprefix(self._prefix)
            yield Place(topic, message.partition() or 0), record

    def _decode(self, place: Place, record: KafkaRecord, group: list[Fed]) -> None:
        try:
            group.append(record.fed(place, self._codec))
        except Unavailable as error:
            LOGGER.warning("The feed of %s waits: %s", place.name, error)
            self._stalled[place] = deque((record,))
            self._retry_at = time.monotonic() + RETRY_S
            self._consumer.pause([self._named(place)])

    def _try_again(self) -> Iterable[Fed]:
        """What can be decoded now of what could not."""
        group: list[Fed] = []
        for place, records in list(self._stalled.items()):
            try:
                while records:
                    group.append(records[0].fed(place, self._codec))
                    records.popleft()
            except Unavailable:
                continue
            del self._stalled[place]
            self._consumer.resume([self._named(place)])
        self._retry_at = time.monotonic() + RETRY_S
        return group

    def _named(self, place: Place, offset: int = 0) -> TopicPartition:
        return TopicPartition(self._prefix + place.topic, place.partition, offset)
