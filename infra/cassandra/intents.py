"""Intents: what a process is about to record, so that another one can finish it.

They lie in slots of time, spread over some partitions each. An intent is in its slot well before
the relay looks there: one whose writing took too long is written again into a later slot.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from infra.cassandra.joined_writes import JoinedWrites
from infra.cassandra.kept import Entry, pack, unpack_entry
from infra.cassandra.log_tables import LogTables
from projections.projection import StoreUnavailable

SLOT_MS: Final = 10_000
# How long after the end of its slot an intent is taken for left behind. Clocks differ by half a
# second at most, or their process takes no commands.
SETTLED_MS: Final = 6_000
_WRITTEN_MS: Final = 4_000
SHARDS: Final = 16
_WRITES_MAX: Final = 4

# An intent that comes back after its removal does so where nobody looks any more.
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS @intents (
    slot bigint, shard int, event_id bigint, fence bigint, stream text, version bigint,
    last bigint, entry blob, PRIMARY KEY ((slot, shard), event_id, fence))
    WITH gc_grace_seconds = 3600""",
    "CREATE TABLE IF NOT EXISTS @relay (id int PRIMARY KEY, slot bigint)",
)
_INSERT: Final = """INSERT INTO @intents
(slot, shard, event_id, fence, stream, version, last, entry) VALUES (?,?,?,?,?,?,?,?)"""
_DELETE: Final = """DELETE FROM @intents
WHERE slot = ? AND shard = ? AND event_id = ? AND fence = ?"""
_SELECT: Final = """SELECT event_id, fence, stream, version, last, entry FROM @intents
WHERE slot = ? AND shard = ?"""
_REACHED: Final = "SELECT slot FROM @relay WHERE id = 0"
_REACH: Final = "INSERT INTO @relay (id, slot) VALUES (0, ?) USING TIMESTAMP ?"


class Intent(NamedTuple):
    """Events `version` to `last` of a stream, the first of them `event_id`, tried with `fence`;
    or published events, as `entry`."""

    event_id: int
    fence: int | None
    stream: str
    version: int
    last: int
    entry: Entry | None = None


class Written(NamedTuple):
    """An intent and the slot it lies in."""

    intent: Intent
    slot: int


def appending(entry: Entry, fence: int | None) -> Intent:
    """The intent of a command that appends."""
    first, last = entry.deciding[0], entry.deciding[-1]
    return Intent(first.event_id, fence, first.stream, first.version, last.version)


def publishing(entry: Entry) -> Intent:
    """The intent of a command that publishes several events."""
    first = entry.kept[0]
    return Intent(first.event_id, None, first.stream, first.version, first.version, entry)


class Intents:
    """The intents of one log. Every method raises StoreUnavailable. With `joined` they are written
    together with what others write."""

    def __init__(
        self,
        tables: LogTables,
        joined: JoinedWrites | None = None,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._tables = tables
        self._joined = joined or JoinedWrites(tables)
        self._now_ms = now_ms

    async def create(self) -> None:
        """Make the tables that are missing; the relay begins now."""
        await self._tables.create(_SCHEMA)
        if await self.reached() is None:
            await self.reach(self.slot_at(self._now_ms()) - 1)

    async def drop(self) -> None:
        """Remove the tables."""
        await self._tables.drop("intents", "relay")

    @staticmethod
    def slot_at(ms: int) -> int:
        """The slot of a moment."""
        return ms // SLOT_MS

    def settled_slot(self) -> int:
        """The newest slot that nobody writes into any more."""
        return self.slot_at(self._now_ms() - SETTLED_MS) - 1

    async def write(self, intent: Intent) -> Written:
        """Have an intent where the relay will look."""
        for _ in range(_WRITES_MAX):
            slot = self.slot_at(self._now_ms())
            entry = None if intent.entry is None else pack(intent.entry)
            values = (slot, *_key(intent), intent.stream, intent.version, intent.last, entry)
            if entry is None:
                await self._joined.add([(_INSERT, values)])
            else:  # It may be large, and what is written together must not be.
                await self._tables.execute(_INSERT, values)
            if self._now_ms() < (slot + 1) * SLOT_MS + _WRITTEN_MS:
                return Written(intent, slot)
        raise StoreUnavailable("Cassandra: too slow to note what is intended")

    async def remove(self, written: Written) -> None:
        """It is done, or can never be done."""
        await self._joined.add([(_DELETE, (written.slot, *_key(written.intent)))])

    async def left(self, slot: int) -> Sequence[Written]:
        """What lies in a slot."""
        shards = await self._tables.execute_many(
            [(_SELECT, (slot, shard)) for shard in range(SHARDS)]
        )
        return [Written(_intent(row), slot) for rows in shards for row in rows]

    async def reached(self) -> int | None:
        """The newest slot before which, and in which, nothing is left."""
        for row in await self._tables.execute(_REACHED):
            return int(row.slot)
        return None

    async def reach(self, slot: int) -> None:
        """Note it; an older slot changes nothing."""
        await self._tables.execute(_REACH, (slot, slot))


def _key(intent: Intent) -> tuple[int, int, int]:
    """Two processes that try the same event with the same fence share an intent: what ends it for
    one ends it for both."""
    return zlib.crc32(intent.stream.encode()) % SHARDS, intent.event_id, intent.fence or 0


def _intent(row: Any) -> Intent:
    entry = unpack_entry(row.entry) if row.entry else None
    return Intent(row.event_id, row.fence or None, row.stream, row.version, row.last, entry)
