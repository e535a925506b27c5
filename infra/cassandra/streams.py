"""Streams of appended events: one partition each, whose static columns decide who may add to it.

`head` is the newest version, none for a new stream. `fence` is raised by whoever must be sure that
an attempt whose outcome it does not know can no longer succeed. Both are only ever written by
conditional statements; what is known about publication is in a table of its own.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from domain.topics import Place
from infra.cassandra.joined_reads import JoinedReads
from infra.cassandra.joined_writes import JoinedWrites
from infra.cassandra.kept import Kept, Placed, pack, unpack_kept
from infra.cassandra.log_tables import LogTables
from projections.projection import StoreUnavailable

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS @streams (
    stream text, version bigint, head bigint static, fence bigint static,
    event_id bigint, person_id bigint, topic text, key bigint, name text, state blob,
    following blob, PRIMARY KEY (stream, version))""",
    """CREATE TABLE IF NOT EXISTS @published (
    stream text, version bigint, topic text, partition int, offset bigint,
    PRIMARY KEY (stream, version)) WITH CLUSTERING ORDER BY (version DESC)""",
)
_MOVE: Final = "UPDATE @streams SET head = ? WHERE stream = ? IF head = ? AND fence = ?"
_FENCE: Final = "UPDATE @streams SET fence = ? WHERE stream = ? IF fence = ?"
_INSERT: Final = """INSERT INTO @streams (stream, version, event_id, person_id, topic, key, name,
state, following) VALUES (?,?,?,?,?,?,?,?,?)"""
_RANGE: Final = """SELECT version, event_id, person_id, topic, key, name, state FROM @streams
WHERE stream = ? AND version >= ? AND version <= ?"""
_OLDEST: Final = f"{_RANGE} LIMIT ?"
_NEWEST: Final = f"{_RANGE} ORDER BY version DESC LIMIT ?"
_NAMED: Final = """SELECT stream, version, event_id, person_id, topic, key, name, state
FROM @streams"""
# The condition leaves out streams that were only ever fenced off.
_LAST: Final = "AND version >= 0 ORDER BY version DESC PER PARTITION LIMIT 1"
_ONE: Final = """SELECT version, event_id, person_id, topic, key, name, state, following
FROM @streams WHERE stream = ? AND version = ?"""
_HEAD: Final = "SELECT head, fence FROM @streams WHERE stream = ? LIMIT 1"
_MARK: Final = """INSERT INTO @published (stream, version, topic, partition, offset)
VALUES (?,?,?,?,?)"""
_MARKED_UPTO: Final = "SELECT version FROM @published WHERE stream = ? LIMIT 1"
_MARKS: Final = """SELECT version, topic, partition, offset FROM @published
WHERE stream = ? AND version >= ? AND version <= ?"""
VERSION_MAX: Final = (1 << 63) - 1
ALL: Final = (1 << 31) - 1
_RACES_MAX: Final = 16


class Head(NamedTuple):
    """Where a stream stands, when a conditional write was refused."""

    head: int | None
    fence: int | None


class Streams:
    """The tables of one log. Every method raises StoreUnavailable; the outcome of a conditional
    write is unknown then. With `joined` marks are written together with what others write."""

    def __init__(self, tables: LogTables, joined: JoinedWrites | None = None) -> None:
        self._tables = tables
        self._joined = joined or JoinedWrites(tables)
        self._last = JoinedReads(tables, _NAMED, key="stream", order=_LAST)

    async def create(self) -> None:
        """Make the tables that are missing."""
        await self._tables.create(_SCHEMA)

    async def drop(self) -> None:
        """Remove the tables, and with them the truth."""
        await self._tables.drop("streams", "published")

    async def decide(
        self,
        rows: Sequence[Kept],
        following: Sequence[Kept] = (),
        *,
        head: int | None,
        fence: int | None,
    ) -> Head | None:
        """Add events to their stream if it stands so: the one decision of a command. None if they
        are in; otherwise where the stream stands. `following` goes along with the first event."""
        stream = rows[0].stream
        carried = pack(following) if following else None
        answer = await self._tables.batch(
            [
                (_MOVE, (rows[-1].version, stream, head, fence)),
                *(
                    (_INSERT, (*msgspec.structs.astuple(row)[:8], carried if n == 0 else None))
                    for n, row in enumerate(rows)
                ),
            ]
        )
        return None if answer[0].applied else _head_of(answer[0])

    async def fence_off(self, stream: str, fence: int | None) -> int:
        """Let nothing succeed any more that was tried with `fence`; the fence there is now."""
        for _ in range(_RACES_MAX):
            raised = (fence or 0) + 1
            answer = (await self._tables.execute(_FENCE, (raised, stream, fence)))[0]
            if answer.applied:
                return raised
            found = _head_of(answer).fence
            if (found or 0) > (fence or 0):
                return found or 0
            fence = found
        raise StoreUnavailable(f"The fence of {stream} could not be raised")

    async def follow(self, rows: Sequence[Kept]) -> Sequence[Kept]:
        """Add events that were decided on another stream, once; as they are there.

        Nobody else adds to these streams at that moment, or the command would decide on them
        first. If somebody did they stand behind that: what was decided is never lost.
        """
        fence: int | None = None
        head: int | None = (rows[0].version - 1) or None
        for _ in range(_RACES_MAX):
            seen = await self.decide(rows, head=head, fence=fence)
            if seen is None:
                return rows
            there = await self.rows(rows[0].stream, 0, seen.head or 0, serial=True)
            ids = {row.event_id for row in rows}
            if found := [row for row in there if row.event_id in ids]:
                return found
            head, fence = seen
            rows = [
                msgspec.structs.replace(row, version=(head or 0) + n)
                for n, row in enumerate(rows, start=1)
            ]
        raise StoreUnavailable(f"{rows[0].stream} is fought over")

    async def deciding(self, stream: str, version: int) -> tuple[Kept, tuple[Kept, ...]] | None:
        """The event at a version, and what follows it on other streams, after every conditional
        write that is under way."""
        for row in await self._tables.execute_serial(_ONE, (stream, version)):
            return _kept(stream, row), unpack_kept(row.following) if row.following else ()
        return None

    async def standing(self, stream: str) -> Head:
        """Where a stream stands now."""
        for row in await self._tables.execute_serial(_HEAD, (stream,)):
            return _head_of(row)
        return Head(None, None)

    async def rows(
        self, stream: str, first: int, last: int, *, serial: bool = False, limit: int = ALL
    ) -> list[Kept]:
        """The oldest events among versions `first` to `last`, in order."""
        read = self._tables.execute_serial if serial else self._tables.execute
        return [_kept(stream, row) for row in await read(_OLDEST, (stream, first, last, limit))]

    async def last(self, stream: str) -> Sequence[Kept]:
        """The newest event, if there is one."""
        return [_kept(stream, row) for row in await self._last.rows(stream)]

    async def newest(
        self, stream: str, limit: int, *, first: int = 0, last: int = VERSION_MAX
    ) -> list[Kept]:
        """The newest events among versions `first` to `last`, the newest first."""
        rows = await self._tables.execute(_NEWEST, (stream, first, last, limit))
        return [_kept(stream, row) for row in rows]

    async def published_upto(self, stream: str) -> int:
        """The newest version that is known to be in its topic, and so all before it."""
        for row in await self._tables.execute(_MARKED_UPTO, (stream,)):
            return int(row.version)
        return 0

    async def places(self, rows: Sequence[Kept]) -> Placed:
        """Where events of one stream are in their topic, as far as that is known."""
        if not rows:
            return {}
        values = (rows[0].stream, rows[0].version, rows[-1].version)
        ids = {row.version: row.event_id for row in rows}
        return {
            ids[mark.version]: (Place(mark.topic, mark.partition), mark.offset)
            for mark in await self._tables.execute(_MARKS, values)
        }

    async def mark(self, rows: Sequence[Kept], placed: Placed) -> None:
        """Note that events are in their topic: only once all before them are."""
        await self._joined.add(
            [
                (_MARK, (row.stream, row.version, *where[0], where[1]))
                for row in rows
                if (where := placed.get(row.event_id)) is not None
            ]
        )


def _head_of(row: Any) -> Head:
    """Of a stream that is not there Cassandra tells no columns at all."""
    return Head(getattr(row, "head", None), getattr(row, "fence", None))


def _kept(stream: str, row: Any) -> Kept:
    return Kept(
        stream,
        row.version,
        row.event_id,
        row.person_id,
        row.topic,
        row.key,
        row.name,
        row.state,
    )
