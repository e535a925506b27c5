"""The topics of the log in a Kafka cluster: made once with settings that lose nothing, measured,
and trimmed behind the archive."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # imported there, not listed
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from domain.errors import Unavailable
from domain.topics import TOPICS, Place
from infra.kafka.client import LOGGER, connection, failure

TIMEOUT_S: Final = 10.0
# Topics come and go by the dozen, each with its files, on a machine that may have more to do.
CHANGE_S: Final = 60.0
SEEN_S: Final = 0.1

# What a topic must have. A record is dated by the broker, and nothing is ever dropped by age or
# size: the archive deletes behind its own proof (`KafkaTopics.delete_behind`).
CONFIG: Final = {
    "message.timestamp.type": "LogAppendTime",
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
}

# Where processes ask for the time (`infra.kafka.clock`); nobody reads it.
CLOCK: Final = "clock"
CLOCK_CONFIG: Final = {"message.timestamp.type": "LogAppendTime", "retention.ms": "3600000"}

EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]

# What is said while a partition finds its leader, or a broker hears of it: all of them are
# retriable by the protocol (https://kafka.apache.org/protocol.html#protocol_error_codes).
_MOVING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)

T = TypeVar("T")


class TopicMismatch(Exception):
    """A topic is there but was not made for this: its partitions or settings differ."""


class Topic(NamedTuple):
    """A topic as it is. A topic that was deleted and made again is another incarnation: the
    offsets of one mean nothing in the other."""

    incarnation: str
    partitions: int


class KafkaTopics:
    """Every method raises Unavailable where Kafka does not answer. `prefix` precedes the names of
    the topics, so that several logs can share a cluster."""

    def __init__(self, servers: str, *, prefix: str = "") -> None:
        self._servers = servers
        self._prefix = prefix
        self._admin: AdminClient | None = None
        self._opening = threading.Lock()

    async def create(self, partitions: int, *, replication_factor: int = 1) -> Mapping[str, Topic]:
        """Make the topics that are missing; all of them.

        The number of partitions is for life: keys would move. Raises TopicMismatch if a topic is
        there with another number, or would lose records.
        """
        return await _answer(self._create, partitions, replication_factor)

    async def describe(self) -> Mapping[str, Topic]:
        """The topics that are there."""
        return await _answer(self._describe)

    async def starts(self) -> dict[Place, int]:
        """The first offset that each partition still has."""
        return await _answer(self._offsets, EARLIEST)

    async def ends(self) -> dict[Place, int]:
        """The offset that the next record of each partition will have: the newest position."""
        return await _answer(self._offsets, LATEST)

    async def since(self, at_ms: int) -> dict[Place, int]:
        """The first offset of each partition whose record came then or later, by the broker's
        clock; partitions that have none are left out."""
        found = await _answer(self._offsets, OffsetSpec.for_timestamp(at_ms))
        return {place: offset for place, offset in found.items() if offset >= 0}

    async def delete_behind(self, offsets: Mapping[Place, int]) -> None:
        """Delete the records before these offsets, for ever."""
        await _answer(self._delete_behind, offsets)

    async def drop(self, topics: Collection[str] = TOPICS) -> None:
        """Delete topics and all that is in them; those that are not there are passed over."""
        await _answer(self._drop, topics)

    def _client(self) -> AdminClient:
        with self._opening:
            if self._admin is None:
                self._admin = AdminClient(connection(self._servers), logger=LOGGER)
            return self._admin

    def _create(self, partitions: int, replication_factor: int) -> Mapping[str, Topic]:
        missing = [topic for topic in TOPICS if topic not in self._describe()]
        config = CONFIG | {"min.insync.replicas": str(max(replication_factor - 1, 1))}
        new = [
            NewTopic(self._prefix + topic, partitions, replication_factor, config=config)
            for topic in missing
        ]
        if new:
            _passing_over(
                KafkaError.TOPIC_ALREADY_EXISTS,
                self._client().create_topics(new, request_timeout=CHANGE_S).values(),
            )
        self._create_clock(replication_factor)
        found = self._seen(lambda found: len(found) == len(TOPICS))
        wrong = [topic for topic, made in found.items() if made.partitions != partitions]
        if wrong:
            raise TopicMismatch(f"{', '.join(wrong)}: not {partitions} partitions")
        self._check_config()
        # Which answers only once every partition has its leader.
        self._offsets(LATEST, patience_s=CHANGE_S)
        return found

    def _create_clock(self, replication_factor: int) -> None:
        new = NewTopic(self._prefix + CLOCK, 1, replication_factor, config=CLOCK_CONFIG)
        _passing_over(
            KafkaError.TOPIC_ALREADY_EXISTS,
            self._client().create_topics([new], request_timeout=CHANGE_S).values(),
        )

    def _check_config(self) -> None:
        resources = [ConfigResource(ResourceType.TOPIC, self._prefix + topic) for topic in TOPICS]
        asked = self._client().describe_configs(resources, request_timeout=TIMEOUT_S)
        for resource, answer in asked.items():
            found = answer.result(TIMEOUT_S)
            wrong = [name for name, value in CONFIG.items() if found[name].value != value]
            if wrong:
                raise TopicMismatch(f"{resource.name}: {', '.join(wrong)} would lose records")

    def _describe(self) -> Mapping[str, Topic]:
        names = TopicCollection([self._prefix + topic for topic in TOPICS])
        answers = self._client().describe_topics(names, request_timeout=TIMEOUT_S)
        found = {}
        for name, answer in answers.items():
            for described in _passing_over(KafkaError.UNKNOWN_TOPIC_OR_PART, [answer]):
                topic = Topic(str(described.topic_id), len(described.partitions))
                found[name.removeprefix(self._prefix)] = topic
        return found

    def _seen(self, enough: Callable[[Mapping[str, Topic]], bool]) -> Mapping[str, Topic]:
        """The topics, as soon as brokers have heard of a change."""
        deadline = time.monotonic() + CHANGE_S
        while not enough(found := self._describe()):
            if time.monotonic() > deadline:
                raise Unavailable("Kafka does not get its topics ready")
            time.sleep(SEEN_S)
        return found

    def _offsets(self, which: OffsetSpec, *, patience_s: float | None = None) -> dict[Place, int]:
        asked = {
            TopicPartition(self._prefix + topic, partition): which
            for topic, described in self._describe().items()
            for partition in range(described.partitions)
        }
        if not asked:
            return {}
        deadline = time.monotonic() + (TIMEOUT_S if patience_s is None else patience_s)
        while True:
            answers = self._client().list_offsets(asked, request_timeout=TIMEOUT_S)
            try:
                return {
                    Place(one.topic.removeprefix(self._prefix), one.partition): int(
                        answer.result(TIMEOUT_S).offset
                    )
                    for one, answer in answers.items()
                }
            except KafkaException as error:
                if error.args[0].code() not in _MOVING or time.monotonic() > deadline:
                    raise
                time.sleep(SEEN_S)

    def _delete_behind(self, offsets: Mapping[Place, int]) -> None:
        behind = [
            TopicPartition(self._prefix + place.topic, place.partition, offset)
            for place, offset in offsets.items()
        ]
        if behind:
            answers = self._client().delete_records(behind, request_timeout=TIMEOUT_S)
            for answer in answers.values():
                answer.result(TIMEOUT_S)

    def _drop(self, topics: Collection[str]) -> None:
        also = {CLOCK} if set(topics) == set(TOPICS) else set()
        names = [self._prefix + topic for topic in {*topics, *also}]
        answers = self._client().delete_topics(names, request_timeout=CHANGE_S)
        _passing_over(KafkaError.UNKNOWN_TOPIC_OR_PART, answers.values())
        self._seen(lambda found: not found.keys() & set(topics))


async def _answer(ask: Callable[..., T], *arguments: Any) -> T:
    """What a blocking call answers, on a thread."""
    try:
        return await asyncio.to_thread(ask, *arguments)
    except KafkaException as error:
        raise failure(error.args[0]) from error
    except TimeoutError as error:
        raise Unavailable("Kafka does not answer") from error


def _passing_over(code: int, answers: Iterable[Any]) -> list[Any]:
    """The results of those that did not fail in this way."""
    results = []
    for answer in answers:
        try:
            results.append(answer.result(CHANGE_S))
        except KafkaException as error:
            if error.args[0].code() != code:
                raise
    return results
