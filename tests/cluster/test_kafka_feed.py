"""Reading without a group on a real Kafka."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from domain.errors import Unavailable
from domain.ids import AccountId
from domain.topics import TOPICS, Place, place_of
from infra.kafka.feed import KafkaFeed
from infra.kafka.reading import TrimmedAway
from streams.envelope import Codec
from streams.feed import Unreadable
from streams.records import Record
from tests.cluster.kafka_log import (
    CODEC,
    NOWHERE,
    PARTITIONS,
    KafkaLog,
    by_partition,
    kafka_log,
    likes,
)
from tests.cluster.local import LocalCluster
from tests.facts import NAMES, tweet
from tests.golden_events import GoldenKeyring

ASKED_S = 120
LIKES = [Place("analytics_events", partition).number for partition in range(PARTITIONS)]


class LockedKeyring(GoldenKeyring):
    """Cannot be had until it is unlocked."""

    def __init__(self) -> None:
        self.locked = True
        self.asked = threading.Event()

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        self.asked.set()
        if self.locked:
            raise Unavailable("The keys cannot be reached")
        return super().open(person_id, sealed)


class FlickeringKeyring(GoldenKeyring):
    """Cannot be had every seventh time."""

    def __init__(self) -> None:
        self._times = 0

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        self._times += 1
        if self._times % 7 == 0:
            raise Unavailable("The keys cannot be reached")
        return super().open(person_id, sealed)


@pytest.fixture
async def log(cluster: LocalCluster) -> AsyncIterator[KafkaLog]:
    async with kafka_log(cluster) as log:
        yield log


@pytest.fixture
async def feed(log: KafkaLog) -> AsyncIterator[KafkaFeed]:
    feed = KafkaFeed(log.servers, CODEC, prefix=log.prefix, tail_max=20)
    await feed.start()
    yield feed
    await feed.close()


async def test_it_has_every_partition_of_every_topic(feed: KafkaFeed) -> None:
    assert {place_of(number).topic for number in feed.partitions} == set(TOPICS)
    assert len(feed.partitions) == PARTITIONS * len(TOPICS)
    assert {feed.head(number) for number in feed.partitions} == {0}


async def test_new_events_come_in_order(log: KafkaLog, feed: KafkaFeed) -> None:
    recorded = by_partition(await log.record(likes(30)))

    for partition, expected in recorded.items():
        await feed.wait(partition, expected[-1].position - 1)

        assert await feed.read(partition, 0, 100) == expected
        assert await feed.read(partition, 2, 3) == expected[2:5]
        assert feed.head(partition) == expected[-1].position


async def test_nothing_is_behind_the_newest_event(feed: KafkaFeed) -> None:
    assert await feed.read(LIKES[0], 0, 10) == ()


async def test_who_waits_is_woken_by_an_event_of_any_of_its_partitions(
    log: KafkaLog, feed: KafkaFeed
) -> None:
    waiting = asyncio.create_task(feed.wait_any(dict.fromkeys(LIKES, 0)))
    other = asyncio.create_task(feed.wait(Place("new_tweet", 0).number, 0))
    await asyncio.sleep(0)

    await log.record(likes(1))
    await waiting

    assert not other.done()
    other.cancel()


async def test_older_events_are_read_again_where_memory_does_not_reach(
    log: KafkaLog, feed: KafkaFeed
) -> None:
    recorded = await log.record(likes(100, people=1))
    partition = recorded[0].partition
    await feed.wait(partition, 99)

    assert await feed.read(partition, 0, 30) == recorded[:30]
    assert await feed.read(partition, 30, 30) == recorded[30:60]
    assert await feed.read(partition, 5, 10) == recorded[5:15]
    assert await feed.read(partition, 85, 100) == recorded[85:]


async def test_what_was_there_before_it_was_started_is_read_by_seeking(log: KafkaLog) -> None:
    recorded = by_partition(await log.record(likes(40)))
    feed = KafkaFeed(log.servers, CODEC, prefix=log.prefix)
    await feed.start()

    for partition, expected in recorded.items():
        assert feed.head(partition) == len(expected)
        assert await feed.read(partition, 0, 100) == expected
        assert await feed.read(partition, len(expected) - 2, 100) == expected[-2:]

    await feed.close()


async def test_positions_are_what_kafka_says_now(log: KafkaLog, feed: KafkaFeed) -> None:
    recorded = by_partition(await log.record(likes(40)))

    positions = await feed.positions()

    assert {number: end for number, end in positions.items() if end} == {
        partition: some[-1].position for partition, some in recorded.items()
    }


async def test_a_range_is_read_to_its_end_and_no_further(log: KafkaLog, feed: KafkaFeed) -> None:
    recorded = await log.record(likes(2_500, people=1))

    found = [
        fed async for batch in feed.read_range(recorded[0].partition, 10, 2_400) for fed in batch
    ]

    assert found == recorded[10:2_400]


async def test_a_range_that_the_partition_does_not_have_is_unavailable(
    log: KafkaLog, feed: KafkaFeed
) -> None:
    recorded = await log.record(likes(5, people=1))

    with pytest.raises(Unavailable, match="ends at 5"):
        [batch async for batch in feed.read_range(recorded[0].partition, 0, 6)]


async def test_what_was_trimmed_away_is_said_to_be(log: KafkaLog) -> None:
    recorded = await log.record(likes(10, people=1))
    place = place_of(recorded[0].partition)
    await log.topics.delete_behind({place: 4})
    feed = KafkaFeed(log.servers, CODEC, prefix=log.prefix)
    await feed.start()

    with pytest.raises(TrimmedAway):
        await feed.read(place.number, 0, 10)

    assert await feed.read(place.number, 4, 10) == recorded[4:]
    await feed.close()


async def test_garbage_and_events_from_the_future_come_as_unreadable(
    log: KafkaLog, feed: KafkaFeed
) -> None:
    named = [("ce_type", b"like.added.v1"), ("ce_streamversion", b"1")]
    future = [("ce_type", b"like.added.v9"), ("ce_streamversion", b"1")]
    headless: list[tuple[str, bytes]] = []
    records = [
        Record("analytics_events", b"1", b"garbage", headers)
        for headers in (named, future, headless)
    ]
    await log.producer.produce(records, partition=0)
    await feed.wait(LIKES[0], 2)

    found = [fed for fed in await feed.read(LIKES[0], 0, 9) if isinstance(fed, Unreadable)]

    assert [(fed.position, fed.partition, fed.unknown_type) for fed in found] == [
        (1, LIKES[0], False),
        (2, LIKES[0], True),
        (3, LIKES[0], False),
    ]


async def test_a_key_that_cannot_be_had_is_waited_for_and_other_partitions_go_on(
    log: KafkaLog,
) -> None:
    keyring = LockedKeyring()
    feed = KafkaFeed(log.servers, Codec(keyring), prefix=log.prefix)
    await feed.start()
    sealed = await log.record([tweet("ada", "one"), tweet("ada", "two")])
    assert await asyncio.to_thread(keyring.asked.wait, ASKED_S)

    (open_to_all,) = await log.record(likes(1))
    await feed.wait(open_to_all.partition, 0)
    assert await feed.read(sealed[0].partition, 0, 9) == ()
    sealed += await log.record([tweet("ada", "three")])
    keyring.locked = False
    await feed.wait(sealed[0].partition, 2)

    assert await feed.read(sealed[0].partition, 0, 9) == sealed
    await feed.close()


async def test_keys_that_come_and_go_leave_no_gap_and_no_repeat(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.kafka.following.RETRY_S", 0.01)
    feed = KafkaFeed(log.servers, Codec(FlickeringKeyring()), prefix=log.prefix, tail_max=1_000)
    await feed.start()

    recorded = []
    for _ in range(20):
        recorded += await log.record([tweet(name, "sealed") for name in NAMES for _ in range(3)])

    for partition, expected in by_partition(recorded).items():
        await feed.wait(partition, expected[-1].position - 1)
        assert await feed.read(partition, 0, 1_000) == expected
    await feed.close()


async def test_a_feed_that_was_closed_is_unavailable(log: KafkaLog, feed: KafkaFeed) -> None:
    await feed.close()

    with pytest.raises(Unavailable):
        await feed.read(LIKES[0], 0, 1)


async def test_who_waits_is_woken_when_the_feed_ends(log: KafkaLog, feed: KafkaFeed) -> None:
    waiting = asyncio.create_task(feed.wait(LIKES[0], 0))
    await asyncio.sleep(0)

    await feed.close()

    await waiting


async def test_a_feed_whose_topics_were_made_anew_ends(log: KafkaLog) -> None:
    recorded = await log.record(likes(5, people=1))
    partition = recorded[0].partition
    feed = KafkaFeed(log.servers, CODEC, prefix=log.prefix)
    await feed.start()
    await log.topics.drop()
    await log.topics.create(PARTITIONS)

    await feed.wait(partition, 5)

    with pytest.raises(Unavailable):
        await feed.read(partition, 0, 1)
    await feed.close()


async def test_a_kafka_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.topics.TIMEOUT_S", 1.0)
    monkeypatch.setattr("infra.kafka.reading.TIMEOUT_S", 1.0)
    feed = KafkaFeed(NOWHERE, CODEC)

    with pytest.raises(Unavailable):
        await feed.start()
    with pytest.raises(Unavailable):
        [batch async for batch in feed.read_range(LIKES[0], 0, 1)]

    await feed.close()
