"""The newest events of published registers, for decisions: an index of what is in the topics.

Who publishes writes it before answering; the indexer, which follows the topics, writes the same
rows again, so that a crash between both loses nothing. What cannot be written now is looked up in
this process's memory, and written as soon as that works.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from domain.topics import Place
from infra.cassandra.kept import UNINDEXED, Kept, Placed, kind_of
from infra.cassandra.log_tables import LogTables, Statement
from projections.projection import StoreUnavailable

_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS @registers (
    register text, version bigint, event_id bigint, person_id bigint, key bigint,
    name text, state blob, topic text, partition int, offset bigint,
    PRIMARY KEY (register, version)) WITH CLUSTERING ORDER BY (version DESC)"""
_INSERT: Final = """INSERT INTO @registers
(register, version, event_id, person_id, key, name, state, topic, partition, offset)
VALUES (?,?,?,?,?,?,?,?,?,?)"""
_NEWEST_FIRST: Final = """SELECT
version, event_id, person_id, key, name, state, topic, partition, offset
FROM @registers WHERE register = ?"""
_LATEST: Final = f"{_NEWEST_FIRST} LIMIT 1"
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 5.0
# Rows in one request, each of a partition of its own: of more than ten Cassandra warns.
BATCH_MAX: Final = 10

log = logging.getLogger(__name__)


class Indexed(NamedTuple):
    """An event of a register and where it is in its topic."""

    kept: Kept
    place: Place
    offset: int


class Registers:
    """The index of one log. Reads raise StoreUnavailable."""

    def __init__(self, tables: LogTables) -> None:
        self._tables = tables
        self._unwritten: dict[str, dict[int, Indexed]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._due: list[Indexed] = []
        self._next_write: asyncio.Task[None] | None = None

    async def create(self) -> None:
        """Make the table unless it is there."""
        await self._tables.create([_SCHEMA])

    async def drop(self) -> None:
        """Remove the table; the indexer can fill a new one from the topics."""
        await self._tables.drop("registers")

    async def close(self) -> None:
        """Give up what could not be written: the indexer will find it."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing

    async def index(self, kept: Sequence[Kept], placed: Placed) -> None:
        """Note events that are in their topic. Never fails: they are found from now on."""
        found = [Indexed(one, *placed[one.event_id]) for one in kept]
        try:
            await self._write_together(found)
        except StoreUnavailable as error:
            log.warning("%d registers are kept in memory: %s", len(found), error)
            for one in found:
                self._unwritten.setdefault(one.kept.stream, {})[one.kept.version] = one
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write_later())

    async def write(self, found: Sequence[Indexed]) -> None:
        """Write the rows of those that decisions ask for. Raises StoreUnavailable."""
        rows = [(_INSERT, _values(one)) for one in found if _is_indexed(one)]
        batches = [rows[at : at + BATCH_MAX] for at in range(0, len(rows), BATCH_MAX)]
        await asyncio.gather(*map(self._write_rows, batches))

    async def latest(self, register: str) -> Indexed | None:
        """The newest event."""
        rows = await self._tables.execute(_LATEST, (register,))
        found = [_indexed(register, row) for row in rows]
        found += self._unwritten.get(register, {}).values()
        return max(found, key=lambda one: one.kept.version, default=None)

    async def history(self, register: str) -> list[Indexed]:
        """All events, oldest first."""
        rows = await self._tables.execute(_NEWEST_FIRST, (register,))
        found = {row.version: _indexed(register, row) for row in rows}
        found |= self._unwritten.get(register, {})
        return [found[version] for version in sorted(found)]

    async def _write_together(self, found: Sequence[Indexed]) -> None:
        """With what other commands have to write now: Kafka acknowledges events in groups."""
        if not any(map(_is_indexed, found)):
            return
        self._due += found
        if self._next_write is None:
            self._next_write = asyncio.create_task(self._write_due())
        await asyncio.shield(self._next_write)

    async def _write_due(self) -> None:
        due, self._due, self._next_write = self._due, [], None
        await self.write(due)

    async def _write_rows(self, rows: Sequence[Statement]) -> None:
        if len(rows) == 1:
            await self._tables.execute(*rows[0])
        else:
            await self._tables.batch(rows)

    async def _write_later(self) -> None:
        delay = RETRY_FIRST_S
        while self._unwritten:
            await asyncio.sleep(delay)
            delay = min(2 * delay, RETRY_MAX_S)
            waiting = [one for found in self._unwritten.values() for one in found.values()]
            with suppress(StoreUnavailable):
                await self.write(waiting)
                delay = RETRY_FIRST_S
                self._forget(waiting)

    def _forget(self, written: Sequence[Indexed]) -> None:
        for one in written:
            register = self._unwritten[one.kept.stream]
            del register[one.kept.version]
            if not register:
                del self._unwritten[one.kept.stream]


def _is_indexed(one: Indexed) -> bool:
    return kind_of(one.kept.stream) not in UNINDEXED


def _values(one: Indexed) -> tuple[Any, ...]:
    kept = one.kept
    return (
        kept.stream,
        kept.version,
        kept.event_id,
        kept.person_id,
        kept.key,
        kept.name,
        kept.state,
        *one.place,
        one.offset,
    )


def _indexed(register: str, row: Any) -> Indexed:
    kept = Kept(
        register,
        row.version,
        row.event_id,
        row.person_id,
        row.topic,
        row.key,
        row.name,
        row.state,
    )
    return Indexed(kept, Place(row.topic, row.partition), row.offset)
