"""The event log for people to look at: unlike the feed, it tells also what cannot be decoded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from domain.errors import Unavailable
from domain.ids import millis_of, rfc3339
from infra.sqlite.connections import Readers
from streams.envelope import Codec, UnknownEventType, UnreadableEvent

_COLUMNS: Final = "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
_AFTER: Final = f"{_COLUMNS} WHERE rowid > ? ORDER BY rowid LIMIT ?"
_STREAM: Final = f"{_COLUMNS} WHERE originator_id = ? ORDER BY originator_version"
_TYPES: Final = """
SELECT topic, COUNT(*), SUM(LENGTH(state)) FROM stored_events GROUP BY topic ORDER BY 2 DESC, 1
"""
_STREAMS: Final = "SELECT COUNT(DISTINCT originator_id) FROM stored_events"
_HEAD: Final = "SELECT MAX(rowid) FROM stored_events"


class Told(msgspec.Struct, frozen=True):
    """A stored event; `at` is empty and `event` says why where it cannot be decoded."""

    position: int
    at: str
    type: str
    stream: str
    version: int
    event: Any


class TypeStats(msgspec.Struct, frozen=True):
    """How many events of a type there are, and how large they are as stored."""

    type: str
    events: int
    bytes: int


class Stats(msgspec.Struct, frozen=True):
    """What is in the log."""

    head: int
    events: int
    bytes: int
    streams: int
    types: tuple[TypeStats, ...]


class SqliteLogReader:
    """Reads a log that another process may be writing."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self._codec = codec
        self._readers = Readers(path)
        self.close = self._readers.close

    def head(self) -> int:
        """The newest position; 0 for an empty log."""
        return int(self._readers.get().execute(_HEAD).fetchone()[0] or 0)

    def after(self, position: int, limit: int) -> Sequence[Told]:
        """Up to `limit` events behind `position`."""
        return [self._told(*row) for row in self._readers.get().execute(_AFTER, (position, limit))]

    def stream(self, name: str) -> Sequence[Told]:
        """All events of a stream or register, oldest first."""
        return [self._told(*row) for row in self._readers.get().execute(_STREAM, (name,))]

    def stats(self) -> Stats:
        """Counts; reads the whole log."""
        reader = self._readers.get()
        types = tuple(TypeStats(*row) for row in reader.execute(_TYPES))
        return Stats(
            head=self.head(),
            events=sum(one.events for one in types),
            bytes=sum(one.bytes for one in types),
            streams=reader.execute(_STREAMS).fetchone()[0],
            types=types,
        )

    def _told(self, position: int, stream: str, version: int, name: str, state: bytes) -> Told:
        at, event = "", None
        try:
            decoded = self._codec.decode(name, state)
            at, event = rfc3339(millis_of(decoded.event_id)), msgspec.to_builtins(decoded)
        except (UnknownEventType, UnreadableEvent, Unavailable) as error:
            event = f"{type(error).__name__}: {error}"
        return Told(position, at, name, stream, version, event)
