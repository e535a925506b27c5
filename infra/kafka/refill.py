"""Fills an empty topic from the archive of an earlier incarnation, in order."""

import asyncio
from collections.abc import Sequence

from domain.topics import Place
from infra.cassandra.archive_store import NOTHING, CassandraArchive, Incarnation, Row, Volume
from infra.kafka.producer import KafkaProducer
from infra.kafka.reading import KafkaRecord, PartitionReader
from infra.kafka.topics import KafkaTopics, TopicMismatch
from streams.records import Record


class NotEmpty(Exception):
    """A topic that is to be filled holds something else: make it anew first."""


class Refill:
    """Nothing else may write to the topics meanwhile. A refill that was broken off goes on where
    it stopped; checkpoints of the earlier incarnation mean nothing in the new one."""

    def __init__(
        self,
        store: CassandraArchive,
        topics: KafkaTopics,
        producer: KafkaProducer,
        reader: PartitionReader,
    ) -> None:
        self._store = store
        self._topics = topics
        self._producer = producer
        self._reader = reader

    async def fill(self, topic: str, source: Incarnation) -> int:
        """Produce everything that is proven of `source` into the topic; how many records.

        Afterwards each record has the offset it had. Raises TopicMismatch, NotEmpty, ArchiveBroken,
        Unavailable, StoreUnavailable.
        """
        target = (await self._topics.describe()).get(topic)
        if target is None or target.partitions != source.partitions:
            raise TopicMismatch(f"{topic} needs {source.partitions} partitions")
        ends = await self._topics.ends()
        proofs = await self._store.proofs(topic, source.incarnation)
        count = 0
        for partition in range(source.partitions):
            volume = Volume(Place(topic, partition), source.incarnation)
            proven = proofs.get(volume, NOTHING).proven
            count += await self._fill(volume, ends[volume.place], proven)
        return count

    async def _fill(self, volume: Volume, end: int, proven: int) -> int:
        await self._check_beginning(volume, end, proven)
        async for row in self._store.rows(volume, end, proven):
            records = [_again(volume.place, record) for record in row.records]
            placed = await self._producer.produce(records, partition=volume.place.partition)
            if [offset for _, offset in placed] != list(range(row.first, row.until)):
                raise NotEmpty(f"{volume.place.name}: somebody else writes at {row.first}")
        return proven - end

    async def _check_beginning(self, volume: Volume, end: int, proven: int) -> None:
        """What is in the topic already must be what this would put there."""
        if end > proven:
            raise NotEmpty(f"{volume.place.name} has {end} records, the archive {proven}")
        if end == 0:
            return
        there = await asyncio.to_thread(self._reader.read, volume.place, end - 1, 1)
        archived: Sequence[Row] = [row async for row in self._store.rows(volume, end - 1, end)]
        if [*there] != [*archived[0].records]:
            raise NotEmpty(f"{volume.place.name} differs from the archive at {end - 1}")


def _again(place: Place, record: KafkaRecord) -> Record:
    return Record(place.topic, record.key, record.value or b"", record.headers)
