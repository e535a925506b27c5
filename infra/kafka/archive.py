"""The archive worker: copies every partition into Cassandra and proves that nothing is missing.

It copies records, not events: what cannot be decoded is archived like everything else, and what is
sealed stays sealed.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from domain.errors import Unavailable
from domain.topics import Place, place_of
from infra.cassandra.archive_store import (
    NOTHING,
    CassandraArchive,
    Incarnation,
    Proof,
    Row,
    Volume,
)
from infra.kafka.client import LOGGER
from infra.kafka.reading import KafkaRecord, PartitionReader, TrimmedAway
from infra.kafka.topics import KafkaTopics, Topic
from projections.projection import StoreUnavailable
from streams.envelope import Codec
from streams.feed import Fed
from streams.records import load_keys

# A row is closed by whichever comes first. Neither may ever change: rows would begin elsewhere.
ROW_RECORDS: Final = 500
ROW_BYTES: Final = 1 << 20

BATCH: Final = 2_000
REST_S: Final = 5.0


class Gap(Exception):
    """Kafka lacks records that the archive has not got either: they are lost."""


class KafkaArchive:
    """Copies; several may, at once or one after another. `gaps` tells by partition what is lost:
    such a partition is left as it is, the others go on."""

    def __init__(self, servers: str, store: CassandraArchive, *, prefix: str = "") -> None:
        self._store = store
        self._topics = KafkaTopics(servers, prefix=prefix)
        self._reader = PartitionReader(servers, prefix=prefix)
        self._proofs: dict[Volume, Proof] = {}
        self._known: Mapping[str, Topic] = {}
        self.gaps: dict[Place, str] = {}

    async def run(self, *, rest_s: float = REST_S) -> None:
        """Copy for ever. An outage is waited for."""
        while True:
            try:
                await self.copy()
            except (Unavailable, StoreUnavailable) as error:
                LOGGER.warning("The archive waits: %s", error)
            await asyncio.sleep(rest_s)

    async def copy(self) -> Mapping[Place, int]:
        """Copy what there is now; how far each partition is proven then.

        Raises Unavailable, StoreUnavailable: copy again.
        """
        await self._look_up()
        ends = await self._topics.ends()
        for place, end in ends.items():
            volume = Volume(place, self._known[place.topic].incarnation)
            try:
                await self._copy(volume, end)
            except Gap as gap:
                LOGGER.error("The archive has a gap: %s", gap)
                self.gaps[place] = str(gap)
        return {volume.place: proof.proven for volume, proof in self._proofs.items()}

    async def trim(self, *, keep: int) -> None:
        """Let Kafka delete what is proven to be here, but for the newest `keep` of a partition.

        Raises Unavailable.
        """
        behind = {volume.place: proof.proven - keep for volume, proof in self._proofs.items()}
        starts = await self._topics.starts()
        await self._topics.delete_behind(
            {place: offset for place, offset in behind.items() if offset > starts[place]}
        )

    async def close(self) -> None:
        """Let the connection to Kafka go."""
        await asyncio.to_thread(self._reader.close)

    async def _look_up(self) -> None:
        """Which topics there are; where copying them stopped, if they are new here."""
        found = await self._topics.describe()
        if found == self._known:
            return
        proofs: dict[Volume, Proof] = {}
        for name, topic in found.items():
            await self._store.note(name, Incarnation(*topic))
            proofs |= await self._store.proofs(name, topic.incarnation)
        self._known, self._proofs = found, proofs

    async def _copy(self, volume: Volume, end: int) -> None:
        proof = self._proofs.get(volume, NOTHING)
        growing = await self._growing(volume, proof) if proof.proven < end else []
        while proof.proven < end:
            records = await self._read(volume.place, proof.proven, min(BATCH, end - proof.proven))
            rows, growing = _rows([*growing, *records])
            await self._store.put(volume, [*rows, *([_as_row(growing)] if growing else [])])
            proven = records[-1].offset + 1
            proof = Proof(proven, growing[0].offset if growing else proven)
            await self._store.prove(volume, proof)
            self._proofs[volume] = proof

    async def _growing(self, volume: Volume, proof: Proof) -> Sequence[KafkaRecord]:
        """What is in the row that is not full yet. It may be longer than what was proven."""
        if proof.open_from == proof.proven:
            return []
        rows = self._store.rows(volume, proof.open_from, proof.proven)
        return [record async for row in rows for record in row.records]

    async def _read(self, place: Place, after: int, limit: int) -> Sequence[KafkaRecord]:
        """At least one record, and no offset left out. Raises Gap, Unavailable."""
        try:
            records = await asyncio.to_thread(self._reader.read, place, after, limit)
        except TrimmedAway as error:
            raise Gap(f"{place.name} behind {after}: {error}") from error
        if not records:
            raise Unavailable(f"{place.name} ends sooner than Kafka said")
        for offset, record in enumerate(records, after):
            if record.offset != offset:
                raise Gap(f"{place.name}: {record.offset} comes where {offset} should")
        return records


class ArchiveFeed:
    """Reads the archive of the topics as they are now (`KafkaTopics.describe`) as events."""

    def __init__(self, store: CassandraArchive, codec: Codec, topics: Mapping[str, Topic]) -> None:
        self._store = store
        self._codec = codec
        self._topics = topics

    async def proven(self) -> Mapping[int, int]:
        """Partition -> the position up to which it can be read here; others have nothing.

        Raises StoreUnavailable.
        """
        return {
            volume.place.number: proof.proven
            for name, topic in self._topics.items()
            for volume, proof in (await self._store.proofs(name, topic.incarnation)).items()
        }

    async def read_range(
        self, partition: int, after: int, until: int
    ) -> AsyncIterator[Sequence[Fed]]:
        """The events behind `after` up to and including `until`, in batches; all of them proven.

        Raises ArchiveBroken, StoreUnavailable, Unavailable (a key cannot be had).
        """
        place = place_of(partition)
        volume = Volume(place, self._topics[place.topic].incarnation)
        async for row in self._store.rows(volume, after, until):
            yield await asyncio.to_thread(self._decode, place, row.records)

    def _decode(self, place: Place, records: Sequence[KafkaRecord]) -> Sequence[Fed]:
        load_keys(records, self._codec)
        return [record.fed(place, self._codec) for record in records]


def _rows(records: Sequence[KafkaRecord]) -> tuple[list[Row], list[KafkaRecord]]:
    """Full rows, and what is left over: the beginning of the next one."""
    rows: list[Row] = []
    growing: list[KafkaRecord] = []
    size = 0
    for record in records:
        size += _size(record)
        if growing and (len(growing) == ROW_RECORDS or size > ROW_BYTES):
            rows.append(_as_row(growing))
            growing, size = [], _size(record)
        growing.append(record)
    return rows, growing


def _size(record: KafkaRecord) -> int:
    return len(record.value or b"") + len(record.key) + sum(len(said) for _, said in record.headers)


def _as_row(records: Sequence[KafkaRecord]) -> Row:
    return Row(records[0].offset, records)
