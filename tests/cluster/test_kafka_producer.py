"""Producing on a real Kafka: many callers at once, and no outage is left unsaid."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import KafkaException

from domain.errors import Unavailable
from domain.topics import Place
from infra.kafka.feed import KafkaFeed
from infra.kafka.producer import KafkaProducer, Limits
from streams.feed import Fed
from streams.records import Record
from tests.cluster.kafka_log import (
    CODEC,
    NOWHERE,
    PARTITIONS,
    PATIENT,
    KafkaLog,
    by_partition,
    kafka_log,
    likes,
    record_for,
)
from tests.cluster.local import LocalCluster

MANY = 20_000
CALLERS = 64


@pytest.fixture
async def log(cluster: LocalCluster) -> AsyncIterator[KafkaLog]:
    async with kafka_log(cluster) as log:
        yield log


def murmur2(key: bytes) -> int:
    """The hash by which Kafka's own clients find the partition of a key, from its definition."""
    seed, m, mask = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF
    h = seed ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if whole < len(key):
        h = (h ^ int.from_bytes(key[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


async def everything(log: KafkaLog) -> list[Fed]:
    """All that is in the topics, partition by partition."""
    feed = KafkaFeed(log.servers, CODEC, prefix=log.prefix)
    found: list[Fed] = []
    for partition, end in (await feed.positions()).items():
        async for batch in feed.read_range(partition, 0, end):
            found += batch
    await feed.close()
    return found


async def test_what_many_callers_produce_at_once_is_all_there_in_each_callers_order(
    log: KafkaLog,
) -> None:
    events = likes(MANY, people=CALLERS)

    async def caller(number: int) -> list[int]:
        mine = events[number::CALLERS]
        placed = [await log.record(mine[at : at + 20]) for at in range(0, len(mine), 20)]
        return [one.position for some in placed for one in some]

    positions = await asyncio.gather(*(caller(number) for number in range(CALLERS)))

    assert all(some == sorted(some) for some in positions)
    found = by_partition(await everything(log))
    assert sorted(one.event.event_id for some in found.values() for one in some) == [
        event.event_id for event in events
    ]
    for some in found.values():
        assert [one.position for one in some] == list(range(1, len(some) + 1))
        for actor in {one.event.actor_id for one in some}:
            ids = [one.event.event_id for one in some if one.event.actor_id == actor]
            assert ids == sorted(ids)


async def test_the_answer_says_where_each_record_stands(log: KafkaLog) -> None:
    recorded = await log.record(likes(50))

    assert by_partition(await everything(log)) == by_partition(recorded)


async def test_the_key_decides_the_partition_as_for_every_other_client(log: KafkaLog) -> None:
    records = [record_for(like) for like in likes(40, people=40)]

    placed = await log.producer.produce(records)

    expected = [(murmur2(record.key) & 0x7FFFFFFF) % PARTITIONS for record in records]
    assert [place.partition for place, _ in placed] == expected


async def test_a_partition_can_be_named(log: KafkaLog) -> None:
    records = [record_for(like) for like in likes(5)]

    placed = await log.producer.produce(records, partition=2)

    assert placed == [(Place("analytics_events", 2), offset) for offset in range(5)]


async def test_a_repeat_is_a_second_record_of_the_same_event(log: KafkaLog) -> None:
    event = likes(1)

    first, second = [*await log.record(event), *await log.record(event)]

    assert second == first._replace(position=first.position + 1)
    assert await everything(log) == [first, second]


async def test_nothing_to_produce_is_no_request(log: KafkaLog) -> None:
    assert await log.producer.produce(()) == ()


async def test_a_record_that_is_too_large_is_a_bug_and_no_outage(log: KafkaLog) -> None:
    with pytest.raises(KafkaException):
        await log.producer.produce([Record("new_tweet", b"1", b"x" * 2_000_000, ())])

    assert len(await log.record(likes(1))) == 1


async def test_what_is_on_its_way_is_delivered_before_the_producer_closes(
    cluster: LocalCluster,
) -> None:
    async with kafka_log(cluster) as log:
        limits = PATIENT._replace(linger_ms=500)
        slow = KafkaProducer(log.servers, prefix=log.prefix, limits=limits)
        await slow.start()
        on_its_way = asyncio.create_task(slow.produce([record_for(one) for one in likes(10)]))
        await asyncio.sleep(0)

        await slow.close()

        assert len(await on_its_way) == 10
        with pytest.raises(Unavailable):
            await slow.produce([record_for(one) for one in likes(1)])


async def test_a_caller_that_goes_away_disturbs_nobody(log: KafkaLog) -> None:
    gone = asyncio.create_task(log.record(likes(10)))
    await asyncio.sleep(0)

    gone.cancel()

    assert len(await log.record(likes(10, first=10))) == 10


async def test_a_broker_that_is_not_there_is_unavailable_after_the_time_out() -> None:
    producer = KafkaProducer(NOWHERE, limits=Limits(delivery_s=0.5))
    await producer.start()
    began = time.monotonic()

    with pytest.raises(Unavailable):
        await producer.produce([record_for(one) for one in likes(2)])

    assert 0.4 < time.monotonic() - began < 30
    await producer.close()


async def test_too_many_records_on_their_way_are_refused_at_once() -> None:
    producer = KafkaProducer(NOWHERE, limits=Limits(records=10, delivery_s=1))
    await producer.start()
    waiting = asyncio.create_task(producer.produce([record_for(one) for one in likes(10)]))
    await asyncio.sleep(0)

    with pytest.raises(Unavailable, match="Too many"):
        await producer.produce([record_for(one) for one in likes(1)])

    assert not waiting.done()
    with pytest.raises(Unavailable):
        await waiting
    await producer.close()


async def test_there_is_room_again_once_deliveries_were_given_up() -> None:
    producer = KafkaProducer(NOWHERE, limits=Limits(records=10, delivery_s=0.3))
    await producer.start()

    for _ in range(2):
        with pytest.raises(Unavailable, match="timed out"):
            await producer.produce([record_for(one) for one in likes(10)])

    await producer.close()
