"""The archive on the real engines: everything is there, in order, proven, and can be put back."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import pytest

from domain.topics import Place, place_of
from infra.cassandra.archive_store import (
    ArchiveBroken,
    CassandraArchive,
    Incarnation,
    Proof,
    Row,
    Volume,
)
from infra.cassandra.session import CassandraSession
from infra.kafka import archive as archiving
from infra.kafka.archive import ArchiveFeed, KafkaArchive
from infra.kafka.feed import KafkaFeed
from infra.kafka.reading import KafkaRecord, PartitionReader
from infra.kafka.refill import NotEmpty, Refill
from infra.kafka.topics import Topic, TopicMismatch
from projections.projection import StoreUnavailable
from streams.feed import Fed
from streams.records import Record
from tests.cluster.kafka_log import (
    CODEC,
    PARTITIONS,
    KafkaLog,
    by_partition,
    kafka_log,
    likes,
)
from tests.cluster.local import LocalCluster

KEYSPACE: Final = "starling_test_archive"
NAMESPACE: Final = f"archive_{os.getpid()}"
LIKED: Final = "analytics_events"


class FailingOnce(CassandraArchive):
    """An archive that is away when it is needed first; tells when it was reached."""

    def __init__(self, session: CassandraSession) -> None:
        super().__init__(session, NAMESPACE)
        self.failures = 1
        self.reached = asyncio.Event()

    async def prove(self, volume: Volume, proof: Proof) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("for a moment")
        await super().prove(volume, proof)
        self.reached.set()


@pytest.fixture
async def log(cluster: LocalCluster) -> AsyncIterator[KafkaLog]:
    async with kafka_log(cluster) as log:
        yield log


@asynccontextmanager
async def opened(cluster: LocalCluster) -> AsyncIterator[CassandraArchive]:
    session = await CassandraSession.connect("127.0.0.1", cluster.ports.cassandra, KEYSPACE)
    try:
        yield CassandraArchive(session, NAMESPACE)
    finally:
        await session.close()


@pytest.fixture(scope="module")
def made(cluster: LocalCluster) -> Iterator[LocalCluster]:
    """With the tables, which all tests share: each has incarnations of its own."""

    async def make() -> None:
        async with opened(cluster) as store:
            await store.create()

    async def remove() -> None:
        async with opened(cluster) as store:
            await store.drop()

    asyncio.run(make())
    yield cluster
    asyncio.run(remove())


@pytest.fixture
async def store(made: LocalCluster) -> AsyncIterator[CassandraArchive]:
    async with opened(made) as store:
        yield store


@pytest.fixture
async def archive(log: KafkaLog, store: CassandraArchive) -> AsyncIterator[KafkaArchive]:
    archive = KafkaArchive(log.servers, store, prefix=log.prefix)
    yield archive
    await archive.close()


@pytest.fixture
def reader(log: KafkaLog) -> Iterator[PartitionReader]:
    reader = PartitionReader(log.servers, prefix=log.prefix)
    yield reader
    reader.close()


@pytest.fixture
def short_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "ROW_RECORDS", 10)
    monkeypatch.setattr(archiving, "BATCH", 25)


async def archived(store: CassandraArchive, topics: dict[str, Topic]) -> list[Fed]:
    feed = ArchiveFeed(store, CODEC, topics)
    return [
        fed
        for partition, proven in (await feed.proven()).items()
        async for batch in feed.read_range(partition, 0, proven)
        for fed in batch
    ]


def volume_of(log: KafkaLog, partition: int) -> Volume:
    place = place_of(partition)
    return Volume(place, log.made[place.topic].incarnation)


async def test_everything_in_the_topics_is_in_the_archive(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    recorded = by_partition(await log.record(likes(1_700)))

    proven = await archive.copy()

    assert {place.number: end for place, end in proven.items()} == {
        partition: some[-1].position for partition, some in recorded.items()
    }
    assert by_partition(await archived(store, dict(log.made))) == recorded


@pytest.mark.usefixtures("short_rows")
async def test_copying_goes_on_where_it_stopped(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    recorded = await log.record(likes(43, people=1))
    await archive.copy()
    recorded += await log.record(likes(1, people=1, first=43))
    await archive.copy()
    recorded += await log.record(likes(30, people=1, first=44))
    another = KafkaArchive(log.servers, store, prefix=log.prefix)

    await another.copy()
    await another.close()

    assert await archived(store, dict(log.made)) == recorded


@pytest.mark.usefixtures("short_rows")
async def test_the_rows_are_the_same_however_often_and_by_whom_they_are_copied(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    late = KafkaArchive(log.servers, store, prefix=log.prefix)
    recorded = await log.record(likes(17, people=1))
    volume = volume_of(log, recorded[0].partition)
    await late.copy()
    await log.record(likes(40, people=1, first=17))
    await archive.copy()
    rows = [await store.row(volume, first) for first in range(0, 60, 10)]

    await late.copy()
    await late.close()

    assert [await store.row(volume, first) for first in range(0, 60, 10)] == rows
    assert [len(row.records) for row in rows if row] == [10, 10, 10, 10, 10, 7]


@pytest.mark.usefixtures("short_rows")
async def test_two_may_copy_at_once(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    another = KafkaArchive(log.servers, store, prefix=log.prefix)
    recorded = []

    for first in range(0, 120, 40):
        recorded += await log.record(likes(40, people=1, first=first))
        await asyncio.gather(archive.copy(), another.copy())
    await another.close()

    assert await archived(store, dict(log.made)) == recorded


async def test_a_row_is_closed_by_its_bytes_too(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "ROW_BYTES", 1_000)
    sizes = [400, 400, 400, 5_000, 100]
    records = [Record(LIKED, b"1", b"x" * size, ()) for size in sizes]
    await log.producer.produce(records, partition=0)

    await archive.copy()

    volume = volume_of(log, Place(LIKED, 0).number)
    rows = [row async for row in store.rows(volume, 0, len(sizes))]
    assert [[len(one.value or b"") for one in row.records] for row in rows] == [
        [400, 400],
        [400],
        [5_000],
        [100],
    ]


async def test_what_cannot_be_decoded_is_archived_all_the_same(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    await log.producer.produce([Record(LIKED, b"1", b"garbage", (("x", b"y"),))], partition=1)

    await archive.copy()

    row = await store.row(volume_of(log, Place(LIKED, 1).number), 0)
    assert row == Row(0, [KafkaRecord(0, b"1", b"garbage", [("x", b"y")])])


@pytest.mark.usefixtures("short_rows")
async def test_any_range_can_be_read(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    recorded = await log.record(likes(60, people=1))
    await archive.copy()
    feed = ArchiveFeed(store, CODEC, log.made)

    for after, until in ((0, 60), (9, 10), (10, 11), (5, 5), (13, 47), (59, 60)):
        batches = [batch async for batch in feed.read_range(recorded[0].partition, after, until)]

        assert [fed for batch in batches for fed in batch] == recorded[after:until]


async def test_a_row_may_begin_in_the_bucket_before(
    log: KafkaLog, store: CassandraArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.cassandra.archive_store.BUCKET", 8)
    volume = volume_of(log, Place(LIKED, 0).number)
    records = [KafkaRecord(offset, b"1", b"", []) for offset in range(20)]
    await store.put(volume, [Row(at, records[at : at + 5]) for at in range(0, 20, 5)])

    for after in range(20):
        rows = [row async for row in store.rows(volume, after, 20)]

        assert [record for row in rows for record in row.records] == records[after:]


async def test_a_missing_row_is_found_and_told(log: KafkaLog, store: CassandraArchive) -> None:
    volume = volume_of(log, Place(LIKED, 0).number)
    records = [KafkaRecord(offset, b"1", b"", []) for offset in range(15)]
    await store.put(volume, [Row(0, records[:5]), Row(10, records[10:])])

    with pytest.raises(ArchiveBroken, match="nothing behind 5"):
        [row async for row in store.rows(volume, 0, 15)]


async def test_records_that_are_not_those_offsets_are_told(
    log: KafkaLog, store: CassandraArchive
) -> None:
    volume = volume_of(log, Place(LIKED, 0).number)
    await store.put(volume, [Row(0, [KafkaRecord(one, b"1", b"", []) for one in (0, 1, 3)])])

    with pytest.raises(ArchiveBroken, match="3 stands at 2"):
        [row async for row in store.rows(volume, 0, 3)]


async def test_a_gap_in_kafka_stops_its_partition_and_no_other(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    await log.producer.produce([Record(LIKED, b"1", b"", ())] * 10, partition=0)
    await log.producer.produce([Record(LIKED, b"1", b"", ())] * 10, partition=1)
    await log.topics.delete_behind({Place(LIKED, 0): 4})

    proven = await archive.copy()

    assert proven == {Place(LIKED, 1): 10}
    assert list(archive.gaps) == [Place(LIKED, 0)]


async def test_of_two_rows_that_begin_alike_the_longer_one_stays(
    log: KafkaLog, store: CassandraArchive
) -> None:
    volume = volume_of(log, Place(LIKED, 0).number)
    records = [KafkaRecord(offset, b"1", b"", []) for offset in range(7)]
    await store.put(volume, [Row(0, records)])

    await store.put(volume, [Row(0, records[:3])])

    assert await store.row(volume, 0) == Row(0, records)


async def test_creating_the_tables_again_keeps_what_they_hold(
    log: KafkaLog, store: CassandraArchive
) -> None:
    volume = volume_of(log, Place(LIKED, 0).number)
    await store.prove(volume, Proof(3, 0))

    await store.create()

    assert await store.proofs(LIKED, volume.incarnation) == {volume: Proof(3, 0)}


async def test_the_proof_never_goes_back(log: KafkaLog, store: CassandraArchive) -> None:
    volume = volume_of(log, Place(LIKED, 0).number)
    await store.prove(volume, Proof(1_200, 1_000))

    await store.prove(volume, Proof(700, 500))

    assert await store.proofs(LIKED, volume.incarnation) == {volume: Proof(1_200, 1_000)}


async def test_kafka_may_forget_what_is_proven(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    recorded = await log.record(likes(30, people=1))
    place = place_of(recorded[0].partition)
    await archive.copy()

    await archive.trim(keep=10)
    await archive.trim(keep=10)
    recorded += await log.record(likes(5, people=1, first=30))
    await archive.copy()

    assert (await log.topics.starts())[place] == 20
    assert await archived(store, dict(log.made)) == recorded


async def test_incarnations_are_remembered_the_newest_last(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive
) -> None:
    await archive.copy()
    await log.topics.drop([LIKED])
    anew = await log.topics.create(PARTITIONS)

    await archive.copy()

    assert (await store.incarnations(LIKED))[-2:] == [
        Incarnation(*log.made[LIKED]),
        Incarnation(*anew[LIKED]),
    ]
    unchanged = await store.incarnations("new_tweet")
    assert unchanged.count(Incarnation(*log.made["new_tweet"])) == 1


@pytest.mark.usefixtures("short_rows")
async def test_a_topic_made_anew_is_filled_with_the_same_records(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive, reader: PartitionReader
) -> None:
    recorded = by_partition(await log.record(likes(100)))
    await log.producer.produce([Record(LIKED, b"1", b"garbage", (("x", b"y"),))], partition=1)
    await archive.copy()
    before = {number: await everything(log, number) for number in recorded}
    await log.topics.drop([LIKED])
    await log.topics.create(PARTITIONS)

    count = await refill(log, store, reader)

    assert count == 101
    assert {number: await everything(log, number) for number in recorded} == before


async def test_a_refill_goes_on_where_it_was_broken_off(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive, reader: PartitionReader
) -> None:
    recorded = await log.record(likes(20, people=1))
    await archive.copy()
    await log.topics.drop([LIKED])
    await log.topics.create(PARTITIONS)
    await log.record([one.event for one in recorded[:7]])

    assert await refill(log, store, reader) == 13
    assert await refill(log, store, reader) == 0

    assert await everything(log, recorded[0].partition) == recorded


async def test_a_topic_that_holds_something_else_is_not_filled(
    log: KafkaLog, archive: KafkaArchive, store: CassandraArchive, reader: PartitionReader
) -> None:
    await log.record(likes(20, people=1))
    await archive.copy()
    await log.topics.drop([LIKED])
    await log.topics.create(PARTITIONS)
    await log.record(likes(3, people=1, first=100))

    with pytest.raises(NotEmpty, match="differs"):
        await refill(log, store, reader)


async def test_a_topic_with_other_partitions_is_not_filled(
    log: KafkaLog, store: CassandraArchive, reader: PartitionReader
) -> None:
    filling = Refill(store, log.topics, log.producer, reader)

    with pytest.raises(TopicMismatch):
        await filling.fill(LIKED, Incarnation("earlier", PARTITIONS + 1))


async def test_a_cassandra_that_is_away_is_waited_for(
    log: KafkaLog, store: CassandraArchive, cluster: LocalCluster
) -> None:
    await log.record(likes(3))
    session = await CassandraSession.connect("127.0.0.1", cluster.ports.cassandra, KEYSPACE)
    away = KafkaArchive(log.servers, CassandraArchive(session, "away"), prefix=log.prefix)
    await session.close()

    with pytest.raises(StoreUnavailable):
        await away.copy()

    await away.close()


async def test_the_worker_goes_on_after_an_outage(log: KafkaLog, made: LocalCluster) -> None:
    recorded = await log.record(likes(20, people=1))
    session = await CassandraSession.connect("127.0.0.1", made.ports.cassandra, KEYSPACE)
    store = FailingOnce(session)
    archive = KafkaArchive(log.servers, store, prefix=log.prefix)
    working = asyncio.create_task(archive.run(rest_s=0))

    await asyncio.wait_for(store.reached.wait(), 240)
    working.cancel()

    assert await archived(store, dict(log.made)) == recorded
    with suppress(asyncio.CancelledError):
        await working
    await archive.close()
    await session.close()


def test_rows_hold_no_more_than_hundreds_of_records() -> None:
    # Other numbers would begin the rows of a log that is archived already elsewhere.
    assert (archiving.ROW_RECORDS, archiving.ROW_BYTES) == (500, 1 << 20)


async def refill(log: KafkaLog, store: CassandraArchive, reader: PartitionReader) -> int:
    filling = Refill(store, log.topics, log.producer, reader)
    return await filling.fill(LIKED, Incarnation(*log.made[LIKED]))


async def everything(log: KafkaLog, partition: int) -> list[Fed]:
    feed = KafkaFeed(log.servers, CODEC, prefix=log.prefix)
    end = (await feed.positions())[partition]
    found = [fed async for batch in feed.read_range(partition, 0, end) for fed in batch]
    await feed.close()
    return found
