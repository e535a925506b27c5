"""A log of its own on the shared Kafka, for one test."""

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from domain.events import Event, LikeAdded, Recorded
from domain.ids import AccountId, EventId, PostId, compose
from infra.kafka.producer import KafkaProducer, Limits
from infra.kafka.topics import KafkaTopics, Topic
from streams.envelope import Codec
from streams.feed import Fed
from streams.records import Record, record_of
from tests.cluster.local import LocalCluster
from tests.facts import NOON_MS
from tests.golden_events import GoldenKeyring

PARTITIONS: Final = 3
CODEC: Final = Codec(GoldenKeyring())

# A busy machine lets Kafka stand still for longer than commands are to wait.
PATIENT: Final = Limits(delivery_s=60.0)

# Nobody listens there.
NOWHERE: Final = "127.0.0.1:1"


class KafkaLog(NamedTuple):
    """Topics that are there, and a producer that runs."""

    servers: str
    prefix: str
    topics: KafkaTopics
    made: Mapping[str, Topic]
    producer: KafkaProducer

    async def record(self, events: Iterable[Event]) -> list[Recorded]:
        """The events as they are recorded once this returns."""
        events = list(events)
        placed = await self.producer.produce([record_for(event) for event in events])
        return [
            Recorded(event, version_of(event), offset + 1, place.number)
            for event, (place, offset) in zip(events, placed, strict=True)
        ]


@asynccontextmanager
async def kafka_log(
    cluster: LocalCluster, *, partitions: int = PARTITIONS
) -> AsyncIterator[KafkaLog]:
    servers, prefix = servers_of(cluster), f"{secrets.token_hex(4)}-"
    topics = KafkaTopics(servers, prefix=prefix)
    producer = KafkaProducer(servers, prefix=prefix, limits=PATIENT)
    made = await topics.create(partitions)
    await producer.start()
    try:
        yield KafkaLog(servers, prefix, topics, made, producer)
    finally:
        await producer.close()
        await topics.drop()


def servers_of(cluster: LocalCluster) -> str:
    return f"127.0.0.1:{cluster.ports.kafka}"


def record_for(event: Event) -> Record:
    return record_of(event, version_of(event), CODEC)


def version_of(event: Event) -> int:
    return 1 if event.APPENDED else int(event.event_id)


def likes(count: int, *, people: int = 7, first: int = 0) -> list[LikeAdded]:
    """Events without words, of so many people in turn, each later than the one before."""
    return [
        LikeAdded(
            event_id=EventId(compose(NOON_MS + number, 1, 0)),
            actor_id=AccountId(compose(NOON_MS, 2, number % people)),
            post_id=PostId(compose(NOON_MS + number, 3, 0)),
            post_author_id=AccountId(compose(NOON_MS, 4, 0)),
        )
        for number in range(first, first + count)
    ]


def by_partition(recorded: Iterable[Fed]) -> Mapping[int, Sequence[Recorded]]:
    """Each partition's events in the order of their positions."""
    found: dict[int, list[Recorded]] = {}
    for one in sorted(recorded, key=lambda one: one.position):
        assert isinstance(one, Recorded)
        found.setdefault(one.partition, []).append(one)
    return found
