"""Follows the topics and indexes what was published, so that no crash leaves a register out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from domain.errors import Unavailable
from domain.topics import Place
from infra.cassandra.kept import Kept, is_register
from infra.cassandra.log_tables import LogTables
from infra.cassandra.registers import Indexed, Registers
from infra.cassandra.session import CassandraSession
from infra.kafka.reading import KafkaRecord
from projections.projection import StoreUnavailable

BATCH: Final = 500
PAUSE_S: Final = 2.0
_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS @indexed (
    topic text, partition int, position bigint, PRIMARY KEY (topic, partition))"""
_POSITIONS: Final = "SELECT topic, partition, position FROM @indexed"
_ADVANCE: Final = """INSERT INTO @indexed (topic, partition, position) VALUES (?,?,?)
USING TIMESTAMP ?"""

log = logging.getLogger(__name__)


class Reader(Protocol):
    """What `infra.kafka.reading.PartitionReader` offers."""

    def read(self, place: Place, after: int, limit: int) -> Sequence[KafkaRecord]:
        """Blocking: up to `limit` records behind position `after`. Raises Unavailable."""


class RegisterIndexer:
    """One is enough for a cluster; several write the same rows.

    `ends` gives the newest position of every partition (`KafkaTopics.ends`).
    """

    def __init__(
        self,
        session: CassandraSession,
        namespace: str,
        reader: Reader,
        ends: Callable[[], Awaitable[Mapping[Place, int]]],
    ) -> None:
        self._tables = LogTables(session, namespace)
        self._registers = Registers(self._tables)
        self._reader = reader
        self._ends = ends

    async def create(self) -> None:
        """Make the tables that are missing. Raises StoreUnavailable."""
        await self._registers.create()
        await self._tables.create([_SCHEMA])

    async def drop(self) -> None:
        """Forget how far it is: the next one begins anew. Raises StoreUnavailable."""
        await self._tables.drop("indexed")

    async def run(self) -> None:
        """Index until cancelled."""
        while True:
            try:
                await self.catch_up()
            except (Unavailable, StoreUnavailable) as error:
                log.warning("The index of registers waits: %s", error)
            await asyncio.sleep(PAUSE_S)

    async def catch_up(self) -> int:
        """Index what is in the topics now; how many events were looked at. Raises Unavailable,
        StoreUnavailable: what is done by then stays done."""
        reached = await self._positions()
        count = 0
        for place, end in (await self._ends()).items():
            position = reached.get(place, 0)
            while position < end:
                records = await asyncio.to_thread(self._reader.read, place, position, BATCH)
                if not records:
                    break
                await self._registers.write(_indexed(place, records))
                position = records[-1].offset + 1
                await self._tables.execute(_ADVANCE, (*place, position, position))
                count += len(records)
        return count

    async def _positions(self) -> Mapping[Place, int]:
        rows = await self._tables.execute(_POSITIONS)
        return {Place(row.topic, row.partition): row.position for row in rows}


def _indexed(place: Place, records: Sequence[KafkaRecord]) -> list[Indexed]:
    found = []
    for record in records:
        kept = _kept(place.topic, record)
        if kept is not None and is_register(kept.stream):
            found.append(Indexed(kept, place, record.offset))
    return found


def _kept(topic: str, record: KafkaRecord) -> Kept | None:
    """The event as the process that published it kept it; None for what is none of ours."""
    said = dict(record.headers)
    try:
        key = int(record.key)
        return Kept(
            said["ce_subject"].decode(),
            int(said["ce_streamversion"]),
            int(said["ce_id"]),
            key,  # what is published is keyed by who did it, whose words it holds
            topic,
            key,
            said["ce_type"].decode(),
            record.value or b"",
        )
    except (LookupError, ValueError) as error:
        log.warning("%s: offset %d is not indexed: %s", topic, record.offset, error)
        return None
