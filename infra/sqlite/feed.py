"""The embedded log as a feed: the newest events from memory, older ones from the file."""

import asyncio
import threading
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final

import orjson

from domain.events import Event, Recorded
from domain.ids import is_imported
from infra.sqlite.connections import Readers
from streams.envelope import Codec, UnknownEventType, UnreadableEvent, names_of
from streams.feed import Fed, Unreadable

PARTITION: Final = 0
# At most twice as many are held.
TAIL_MAX: Final = 10_000
NEWEST_MAX: Final = 1_000
_SELECT: Final = (
    "SELECT rowid, originator_version, topic, state FROM stored_events "
    "WHERE rowid>? ORDER BY rowid LIMIT ?"
)
_SELECT_RANGE: Final = (
    "SELECT rowid, originator_version, topic, state FROM stored_events "
    "WHERE rowid>? AND rowid<=? AND topic IN (SELECT value FROM json_each(?)) ORDER BY rowid"
)
_SELECT_TYPES: Final = (
    "SELECT rowid, originator_version, topic, state FROM stored_events "
    "WHERE rowid>? AND topic IN (SELECT value FROM json_each(?)) ORDER BY rowid"
)


class SqliteFeed:
    """Implements `streams.feed.SelectiveFeed`; `committed` is what the event log calls after a
    commit.

    Events that were just written are handed on as objects: the projections that keep up neither
    read nor decode them again.
    """

    def __init__(self, path: Path, codec: Codec) -> None:
        self._codec = codec
        self._readers = Readers(path)
        self._tail: list[Recorded] = []
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        row = self._readers.get().execute("SELECT MAX(rowid) FROM stored_events").fetchone()
        self._head = int(row[0] or 0)

    @property
    def partitions(self) -> Sequence[int]:
        """See `Feed.partitions`."""
        return (PARTITION,)

    def committed(self, recorded: Sequence[Recorded]) -> None:
        """Take events that are durable now, in order, and wake who waits. Any thread."""
        with self._lock:
            self._tail.extend(recorded)
            if len(self._tail) > 2 * TAIL_MAX:
                del self._tail[:-TAIL_MAX]
            self._head = recorded[-1].position
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def head(self, partition: int) -> int:
        """See `Feed.head`."""
        del partition
        return self._head

    def newest_id(self) -> int:
        """The highest id among the newest events that were not imported; 0 if there is none."""
        newest = self._read_file(max(self._head - NEWEST_MAX, 0), NEWEST_MAX)
        ids = (fed.event.event_id for fed in newest if isinstance(fed, Recorded))
        return max((event_id for event_id in ids if not is_imported(event_id)), default=0)

    def of_types(self, types: Collection[type[Event]], after: int) -> Iterator[Recorded]:
        """The events of these types behind `after`, oldest first; unreadable ones are left out.

        Reads the file from there to its end, but decodes none of the others.
        """
        rows = self._readers.get().execute(_SELECT_TYPES, (after, _names(types)))
        for fed in (self._decode(*row) for row in rows):
            if isinstance(fed, Recorded):
                yield fed

    async def wait(self, partition: int, after: int) -> None:
        """See `Feed.wait`."""
        del partition
        event = asyncio.Event()
        with self._lock:
            if self._head > after:
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        await event.wait()

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        """See `Feed.read`."""
        del partition
        with self._lock:
            if after >= self._head:
                return ()
            if self._tail and self._tail[0].position <= after + 1:
                # Positions are contiguous, but a search costs little and assumes less.
                start = bisect_right(self._tail, after, key=attrgetter("position"))
                return self._tail[start : start + limit]
        return self._read_file(after, limit)

    async def read_types(
        self, partition: int, after: int, until: int, types: Collection[type[Event]]
    ) -> Sequence[Recorded]:
        """See `SelectiveFeed.read_types`: always from the file."""
        del partition
        asked = (after, until, _names(types))
        rows = self._readers.get().execute(_SELECT_RANGE, asked).fetchall()
        found = [self._decode(*row) for row in rows]
        return [fed for fed in found if isinstance(fed, Recorded)]

    def _read_file(self, after: int, limit: int) -> Sequence[Fed]:
        rows = self._readers.get().execute(_SELECT, (after, limit)).fetchall()
        return [self._decode(*row) for row in rows]

    def _decode(self, position: int, version: int, name: str, state: bytes) -> Fed:
        try:
            return Recorded(self._codec.decode(name, state), version, position)
        except UnknownEventType as error:
            return Unreadable(position, name, state, str(error), unknown_type=True)
        except UnreadableEvent as error:
            return Unreadable(position, name, state, str(error), unknown_type=False)

    def close(self) -> None:
        """Close the read connections."""
        self._readers.close()


def _names(types: Collection[type[Event]]) -> bytes:
    return orjson.dumps([name for event in types for name in names_of(event)])
