"""The embedded log for people to look at, also while a server writes it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from domain.positions import EMBEDDED_LOG
from infra.sqlite.connections import Readers
from infra.told_log import NotInLog, Stats, Told, TypeStats, stats_of, told
from streams.envelope import Codec

_COLUMNS: Final = "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
_AFTER: Final = f"{_COLUMNS} WHERE rowid > ? ORDER BY rowid LIMIT ?"
_STREAM: Final = f"{_COLUMNS} WHERE originator_id = ? ORDER BY originator_version"
_TYPES: Final = """
SELECT topic, COUNT(*), SUM(LENGTH(state)) FROM stored_events GROUP BY topic ORDER BY 2 DESC, 1
"""
_STREAMS: Final = "SELECT COUNT(DISTINCT originator_id) FROM stored_events"
_HEAD: Final = "SELECT MAX(rowid) FROM stored_events"
PAGE: Final = 1_000


class SqliteLogReader:
    """Implements `told_log.LogReader`."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self._codec = codec
        self._readers = Readers(path)
        self._reached = 0
        self.close = self._readers.close

    def newest(self, count: int) -> Iterator[Told]:
        """See `LogReader.newest`; also what comes meanwhile."""
        self._reached = max(self._head() - count, 0)
        while page := self.coming():
            yield from page

    def coming(self) -> Sequence[Told]:
        """See `LogReader.coming`."""
        page = self._after(self._reached, PAGE)
        if page:
            self._reached = page[-1].position
        return page

    def named(self, what: str) -> Sequence[Told]:
        """See `LogReader.named`."""
        if what.isdecimal():
            found = [one for one in self._after(int(what) - 1, 1) if one.position == int(what)]
        else:
            found = [self._told(*row) for row in self._readers.get().execute(_STREAM, (what,))]
        if not found:
            raise NotInLog(f"The log has no {'event at' if what.isdecimal() else 'stream'} {what}")
        return found

    def stats(self) -> Stats:
        """See `LogReader.stats`."""
        reader = self._readers.get()
        types = [TypeStats(*row) for row in reader.execute(_TYPES)]
        (streams,) = reader.execute(_STREAMS).fetchone()
        return stats_of(types, streams, {EMBEDDED_LOG: self._head()})

    def _head(self) -> int:
        return int(self._readers.get().execute(_HEAD).fetchone()[0] or 0)

    def _after(self, position: int, limit: int) -> Sequence[Told]:
        return [self._told(*row) for row in self._readers.get().execute(_AFTER, (position, limit))]

    def _told(self, position: int, stream: str, version: int, name: str, state: bytes) -> Told:
        return told(self._codec, name, state, position=position, stream=stream, version=version)
