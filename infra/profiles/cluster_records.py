"""The records of the cluster's log: from Kafka as far back as it goes, from the archive before."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, NamedTuple

from domain.errors import Unavailable
from domain.topics import Place
from infra.cassandra.archive_store import CassandraArchive, Volume
from infra.kafka.reading import KafkaRecord, PartitionReader
from infra.profiles.cluster_log import ARCHIVE_TABLES, ClusterLog
from infra.told_log import NotInLog

PAGE: Final = 1_000


class Located(NamedTuple):
    """A record and where it is; records of all partitions sort by `order`: by event id, but never
    before what stands before them in their partition."""

    order: int
    place: Place
    record: KafkaRecord


class ClusterRecords:
    """The records of the log, wherever they are now."""

    def __init__(self, log: ClusterLog, reader: PartitionReader) -> None:
        self._log = log
        self._reader = reader

    async def ends(self) -> Mapping[Place, int]:
        """The newest position of every partition. Raises NotInLog where no topic is."""
        ends = await self._log.topics.ends()
        if not ends:
            raise NotInLog("There is no log: Kafka has none of the topics")
        return ends

    async def starts(self) -> Mapping[Place, int]:
        """The position behind which Kafka has every partition."""
        return await self._log.topics.starts()

    async def read(
        self, place: Place, after: int, until: int, start: int
    ) -> AsyncIterator[Sequence[KafkaRecord]]:
        """The records behind `after` up to position `until`, in pages. Kafka has those behind
        `start`. Raises Unavailable, StoreUnavailable."""
        if after < min(start, until):
            async for records in self._archived(place, after, min(start, until)):
                yield records
            after = start
        while after < until:
            limit = min(PAGE, until - after)
            records = await asyncio.to_thread(self._reader.read, place, after, limit)
            if not records:
                raise Unavailable(f"{place.name} ends at {after}, before {until}")
            after = records[-1].offset + 1
            yield records

    async def _archived(
        self, place: Place, after: int, until: int
    ) -> AsyncIterator[Sequence[KafkaRecord]]:
        topic = (await self._log.topics.describe())[place.topic]
        archive = CassandraArchive(await self._log.session(), ARCHIVE_TABLES)
        volume = Volume(place, topic.incarnation)
        proven = (await archive.proofs(*volume.key[:2])).get(volume)
        if proven is None or proven.proven < until:
            raise Unavailable(f"{place.name}: neither Kafka nor the archive has all up to {until}")
        async for row in archive.rows(volume, after, until):
            yield row.records


def located(place: Place, records: Sequence[KafkaRecord]) -> list[Located]:
    """Consecutive records of a partition."""
    found, order = [], 0
    for record in records:
        event_id = text_of(dict(record.headers), "ce_id")
        order = max(order, int(event_id) if event_id.isdecimal() else 0)
        found.append(Located(order, place, record))
    return found


def text_of(said: Mapping[str, bytes], name: str) -> str:
    """What a header says, also a broken one; nothing if it is not there."""
    return said.get(name, b"").decode("utf-8", "replace")
