"""Reads one partition of a topic after the other, without a group: the program keeps its place."""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from domain.errors import Unavailable
from domain.topics import Place
from infra.kafka.client import LOGGER, connection, failure
from streams.envelope import Codec
from streams.feed import Fed
from streams.records import Headers, fed_of

TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.5

# Who asks for so many goes on; after others no more is fetched.
BULK: Final = 500

# A name must be given, but nothing is ever committed and no group ever formed under it.
_NO_GROUP: Final = "starling-without-group"


class TrimmedAway(Unavailable):
    """What comes next is no longer in Kafka: it has to be read from the archive."""


class KafkaRecord(NamedTuple):
    """A record as it stands in a partition."""

    offset: int
    key: bytes
    value: bytes | None
    headers: Headers

    def fed(self, place: Place, codec: Codec) -> Fed:
        """What it says. Raises Unavailable if a person's key cannot be had."""
        return fed_of(place, self.offset, self.headers, self.value, codec)


def consumer(servers: str, **options: Any) -> Consumer:
    """A consumer that is told what to read, and fails where that is not there."""
    config = {
        **connection(servers),
        "group.id": _NO_GROUP,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
        **options,
    }
    return Consumer(config, logger=LOGGER)


def record_in(message: Message) -> KafkaRecord:
    """The record of a message. Raises TrimmedAway, Unavailable."""
    error = message.error()
    if error is not None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - has no other name
            raise TrimmedAway(f"{message.topic()}/{message.partition()}: {error.str()}")
        raise failure(error)
    headers: Any = message.headers() or ()
    said = [(name, value or b"") for name, value in headers]
    return KafkaRecord(message.offset() or 0, message.key() or b"", message.value(), said)


class PartitionReader:
    """Blocking, one caller at a time. Goes on where the last read ended, or seeks."""

    def __init__(self, servers: str, *, prefix: str = "") -> None:
        self._prefix = prefix
        self._lock = threading.Lock()
        self._consumer = consumer(
            servers,
            **{
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": 4_096,
                # A request that waits at the end of one partition holds up the next one's.
                "fetch.wait.max.ms": 10,
            },
        )
        self._next: tuple[Place, int] | None = None

    def read(self, place: Place, after: int, limit: int) -> Sequence[KafkaRecord]:
        """Up to `limit` records behind position `after`, in order; none at the end.

        Raises TrimmedAway, Unavailable.
        """
        with self._lock:
            try:
                self._stand_at(place, after)
                # The end is told once, so whoever was told it has to stand there anew.
                self._next = None
                found = self._take(limit)
            except KafkaException as error:
                raise failure(error.args[0]) from error
            if len(found) == limit >= BULK:
                self._next = (place, found[-1].offset + 1)
            else:
                self._consumer.unassign()
            return found

    def close(self) -> None:
        """Let the connection go."""
        with self._lock:
            self._consumer.close()

    def _stand_at(self, place: Place, offset: int) -> None:
        if self._next != (place, offset):
            name = self._prefix + place.topic
            self._consumer.assign([TopicPartition(name, place.partition, offset)])

    def _take(self, limit: int) -> list[KafkaRecord]:
        found: list[KafkaRecord] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(found) < limit:
            messages = self._some(limit - len(found))
            for message in messages:
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    return found
                found.append(record_in(message))
            if not messages and time.monotonic() > deadline:
                raise Unavailable("Kafka: a partition cannot be read")
        return found

    def _some(self, limit: int) -> Iterable[Message]:
        """What is there at once, else what comes first: to ask for more would wait for them."""
        messages = self._consumer.consume(limit, 0)
        if messages:
            return messages
        first = self._consumer.poll(POLL_S)
        return () if first is None else (first,)
