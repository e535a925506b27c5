"""The log's whole body in Cassandra: records of Kafka as they stood, up to hundreds in a row.

A row is known by where it begins, and the next one begins where it ends. What is in it follows from
the partition alone, so whoever copies, and however often, writes the same; the last row grows,
and since its end is its timestamp, a shorter copy that comes late changes nothing. The proof, how
far the copy is without a gap, grows in the same way.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

import msgspec

from domain.topics import Place
from infra.cassandra.log_tables import LogTables
from infra.cassandra.session import CassandraSession
from infra.kafka.reading import KafkaRecord

# So many offsets share a partition of Cassandra's; a row never reaches over a whole one.
BUCKET: Final = 1 << 16

_TABLES: Final = ("archive", "archive_proofs", "archive_incarnations")
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS @archive (
    topic text, incarnation text, partition int, bucket bigint, first_offset bigint, records blob,
    PRIMARY KEY ((topic, incarnation, partition, bucket), first_offset))""",
    """CREATE TABLE IF NOT EXISTS @archive_proofs (
    topic text, incarnation text, partition int, proven bigint, open_from bigint,
    PRIMARY KEY ((topic, incarnation), partition))""",
    """CREATE TABLE IF NOT EXISTS @archive_incarnations (
    topic text, incarnation text, partitions int, noted timestamp,
    PRIMARY KEY (topic, incarnation))""",
)
_PUT: Final = """INSERT INTO @archive
(topic, incarnation, partition, bucket, first_offset, records) VALUES (?, ?, ?, ?, ?, ?)
USING TIMESTAMP ?"""
_IN_BUCKET: Final = "WHERE topic = ? AND incarnation = ? AND partition = ? AND bucket = ?"
_ROW: Final = f"SELECT first_offset, records FROM @archive {_IN_BUCKET} AND first_offset = ?"  # noqa: S608 - constants
_LAST_BEFORE: Final = f"""SELECT first_offset, records FROM @archive {_IN_BUCKET}
AND first_offset <= ? ORDER BY first_offset DESC LIMIT 1"""  # noqa: S608 - constants
_PROVE: Final = """INSERT INTO @archive_proofs
(topic, incarnation, partition, proven, open_from) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_PROOFS: Final = """SELECT partition, proven, open_from FROM @archive_proofs
WHERE topic = ? AND incarnation = ?"""
_NOTE: Final = """INSERT INTO @archive_incarnations
(topic, incarnation, partitions, noted) VALUES (?, ?, ?, toTimestamp(now())) IF NOT EXISTS"""
_INCARNATIONS: Final = """SELECT incarnation, partitions, noted FROM @archive_incarnations
WHERE topic = ?"""

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[KafkaRecord])


class ArchiveBroken(Exception):
    """Records that were proven to be there are not: only the operator can decide what to do."""


class Volume(NamedTuple):
    """A partition of one incarnation of a topic."""

    place: Place
    incarnation: str

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.place.topic, self.incarnation, self.place.partition)


class Row(NamedTuple):
    """Records without a gap, from offset `first` on; never none."""

    first: int
    records: Sequence[KafkaRecord]

    @property
    def until(self) -> int:
        """The position of the last one."""
        return self.first + len(self.records)


class Proof(NamedTuple):
    """Everything up to position `proven` is archived; the row that grows begins at `open_from`."""

    proven: int
    open_from: int


NOTHING: Final = Proof(0, 0)


class Incarnation(NamedTuple):
    """A topic as it once was."""

    incarnation: str
    partitions: int


class CassandraArchive:
    """Every method raises StoreUnavailable."""

    def __init__(self, session: CassandraSession, namespace: str) -> None:
        self._tables = LogTables(session, namespace)

    async def create(self) -> None:
        """Make the tables unless they are there."""
        await self._tables.create(_SCHEMA)

    async def drop(self) -> None:
        """Remove everything."""
        await self._tables.drop(*_TABLES)

    async def note(self, topic: str, found: Incarnation) -> None:
        """Remember that the topic has, or had, this incarnation."""
        await self._tables.execute(_NOTE, (topic, *found))

    async def incarnations(self, topic: str) -> Sequence[Incarnation]:
        """All that were noted, the newest last."""
        rows = await self._tables.execute(_INCARNATIONS, (topic,))
        return [Incarnation(row[0], row[1]) for row in sorted(rows, key=lambda row: row.noted)]

    async def put(self, volume: Volume, rows: Sequence[Row]) -> None:
        """Keep rows; of two that begin alike the longer one stays."""
        await self._tables.execute_many(
            [
                (_PUT, (*_in_bucket(volume, row.first), _encoder.encode(row.records), row.until))
                for row in rows
            ]
        )

    async def prove(self, volume: Volume, proof: Proof) -> None:
        """Say how far everything is there; it never goes back."""
        values = (*volume.key, *proof, proof.proven)
        await self._tables.execute(_PROVE, values)

    async def proofs(self, topic: str, incarnation: str) -> dict[Volume, Proof]:
        """How far each partition is archived; those without records are left out."""
        rows = await self._tables.execute(_PROOFS, (topic, incarnation))
        return {
            Volume(Place(topic, row.partition), incarnation): Proof(row.proven, row.open_from)
            for row in rows
        }

    async def row(self, volume: Volume, first: int) -> Row | None:
        """The row that begins at the offset `first`."""
        values = _in_bucket(volume, first)
        return _row(await self._tables.execute(_ROW, values))

    async def rows(self, volume: Volume, after: int, until: int) -> AsyncIterator[Row]:
        """The rows that hold the positions behind `after` up to `until`, cut to these, in order.

        Raises ArchiveBroken where one is missing or its records are not those offsets.
        """
        row = await self._row_with(volume, after)
        while after < until:
            if row is None or not row.first <= after < row.until:
                raise ArchiveBroken(f"{volume.place.name}: nothing behind {after}")
            _check(volume, row)
            cut = row.records[after - row.first : until - row.first]
            yield Row(after, cut)
            after += len(cut)
            row = await self.row(volume, after) if after < until else None

    async def _row_with(self, volume: Volume, offset: int) -> Row | None:
        """The row that an offset is in, which may begin in the bucket before."""
        *key, bucket, _ = _in_bucket(volume, offset)
        for one in (bucket, bucket - 1):
            found = await self._tables.execute(_LAST_BEFORE, (*key, one, offset))
            if found:
                return _row(found)
        return None


def _in_bucket(volume: Volume, first: int) -> tuple[str, str, int, int, int]:
    return (*volume.key, first // BUCKET, first)


def _row(found: Sequence[tuple[int, bytes]]) -> Row | None:
    return Row(found[0][0], _decoder.decode(found[0][1])) if found else None


def _check(volume: Volume, row: Row) -> None:
    for offset, record in enumerate(row.records, row.first):
        if record.offset != offset:
            raise ArchiveBroken(f"{volume.place.name}: {record.offset} stands at {offset}")
