"""The newest events of published registers, for decisions: an index of what is in the topics.

Who publishes writes it before answering; the indexer, which follows the topics, writes the same
rows again, so that a crash between both loses nothing. What cannot be written now is looked up in
this process's memory, and written as soon as that works.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from domain.topics import Place
from infra.cassandra.joined_reads import JoinedReads
from infra.cassandra.joined_writes import JoinedWrites
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
_SELECT: Final = """SELECT
register, version, event_id, person_id, key, name, state, topic, partition, offset
FROM @registers"""
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 5.0

log = logging.getLogger(__name__)


class Indexed(NamedTuple):
    """An event of a register and where it is in its topic."""

    kept: Kept
    place: Place
    offset: int


class Registers:
    """The index of one log. Reads raise StoreUnavailable. With `joined` it writes together with
    others."""

    def __init__(self, tables: LogTables, joined: JoinedWrites | None = None) -> None:
        self._tables = tables
        self._joined = joined or JoinedWrites(tables)
        # The newest come first.
        self._newest = JoinedReads(tables, _SELECT, key="register", order="PER PARTITION LIMIT 1")
        self._all = JoinedReads(tables, _SELECT, key="register")
        self._unwritten: dict[str, dict[int, Indexed]] = {}
        self._writing: asyncio.Task[None] | None = None

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

    async def index(
        self, kept: Sequence[Kept], placed: Placed, also: Sequence[Statement] = ()
    ) -> None:
        """Note events that are in their topic. Never fails: they are found from now on. What is
        `also` written in the same request may be lost."""
        found = [Indexed(one, *placed[one.event_id]) for one in kept]
        try:
            await self._joined.add([*_rows(found), *also])
        except StoreUnavailable as error:
            log.warning("%d registers are kept in memory: %s", len(found), error)
            for one in found:
                self._unwritten.setdefault(one.kept.stream, {})[one.kept.version] = one
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write_later())

    async def write(self, found: Sequence[Indexed]) -> None:
        """Write the rows of those that decisions ask for. Raises StoreUnavailable."""
        await self._joined.write(_rows(found))

    async def latest(self, register: str) -> Indexed | None:
        """The newest event."""
        unwritten = self._in_memory(register)
        rows = await self._newest.rows(register)
        found = [_indexed(register, row) for row in rows]
        found += unwritten.values()
        return max(found, key=lambda one: one.kept.version, default=None)

    async def history(self, register: str) -> list[Indexed]:
        """All events, oldest first."""
        unwritten = self._in_memory(register)
        rows = await self._all.rows(register)
        found = {row.version: _indexed(register, row) for row in rows}
        found |= unwritten
        return [found[version] for version in sorted(found)]

    def _in_memory(self, register: str) -> Mapping[int, Indexed]:
        """What is not written, to be asked for before the rows are read: what comes to be written
        meanwhile may not be among them, and is not here any more afterwards."""
        return dict(self._unwritten.get(register, {}))

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


def _rows(found: Iterable[Indexed]) -> list[Statement]:
    """What is written for those that decisions ask for."""
    return [(_INSERT, _values(one)) for one in found if kind_of(one.kept.stream) not in UNINDEXED]


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
