"""`eventsourcing`'s SQLite application recorder, able to commit many commands at once.

The library's public `insert_events` is one transaction for each call, which is one fsync for each
command; a group needs `datastore.transaction()` and `_insert_events`, so this is a subclass.
Versions: an appended event's is its stream's, contiguous, checked here; a published event's is its
event id, so that repeating it conflicts by itself.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from infra.sqlite import receipts
from infra.sqlite.receipts import ReceiptRow

WAL_PAGES_BETWEEN_CHECKPOINTS = 4_000


class Entry(NamedTuple):
    """What one command writes. `expected` maps each appended stream to the version it must have;
    empty for published events."""

    stored: Sequence[StoredEvent]
    expected: Sequence[tuple[str, int]] = ()
    receipt: ReceiptRow | None = None


class Conflict(NamedTuple):
    """The entry was refused: a stream is not at the version that was expected."""

    stream: str


Outcome = Sequence[int] | Conflict


class _DurablePool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES_BETWEEN_CHECKPOINTS}")
        return connection


class GroupRecorder(SQLiteApplicationRecorder):
    """Inserts the entries of many commands in one durable transaction."""

    def __init__(self, path: Path) -> None:
        datastore = SQLiteDatastore(str(path), originator_id_type="text")
        datastore.pool.close()
        datastore.pool = _DurablePool(db_name=str(path))
        super().__init__(datastore)

    def construct_create_table_statements(self) -> list[str]:
        """The library's table and the receipts beside it."""
        return [*super().construct_create_table_statements(), *receipts.SCHEMA.split(";")]

    def insert_group(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Commit all entries that do not conflict; the positions of each one's events, in order.

        An entry that repeats published events gives their first positions and changes nothing.
        Raises the library's OperationalError and such when nothing was committed.
        """
        try:
            with self.datastore.transaction(commit=True) as c:
                return [self._insert(c, entry) for entry in entries]
        except (IntegrityError, sqlite3.IntegrityError):
            # Some entry repeats an event: nothing was committed, so take them one by one.
            return self._insert_singly(entries)

    def _insert_singly(self, entries: Sequence[Entry]) -> list[Outcome]:
        with self.datastore.transaction(commit=True) as c:
            return [self._insert_within_savepoint(c, entry) for entry in entries]

    def commit_nothing(self) -> None:
        """Write and sync a page that says what it said before, to find out whether that can be
        done. Raises the library's OperationalError and such."""
        with self.datastore.transaction(commit=True) as c:
            c.execute("PRAGMA user_version=0")

    def drop_receipts(self, before_ms: int) -> None:
        """Forget the answers kept before a moment (Unix ms), some thousands at a time."""
        with self.datastore.transaction(commit=True) as c:
            c.execute(receipts.DROP_OLD, (before_ms,))

    def _insert(self, c: SQLiteCursor, entry: Entry) -> Outcome:
        for stream, version in entry.expected:
            if self._version(c, stream) != version:
                return Conflict(stream)
        positions = self._insert_events(c, entry.stored) or ()
        if entry.receipt is not None:
            c.execute(receipts.INSERT, entry.receipt)
        return positions

    def _insert_within_savepoint(self, c: SQLiteCursor, entry: Entry) -> Outcome:
        c.execute("SAVEPOINT entry")
        try:
            outcome = self._insert(c, entry)
        except sqlite3.IntegrityError:
            c.execute("ROLLBACK TO entry")
            outcome = self._repeated(c, entry)
        c.execute("RELEASE entry")
        return outcome

    def _repeated(self, c: SQLiteCursor, entry: Entry) -> Outcome:
        positions = []
        for stored in entry.stored:
            c.execute(
                "SELECT rowid FROM stored_events WHERE originator_id=? AND originator_version=?",
                (stored.originator_id, stored.originator_version),
            )
            row = c.fetchone()
            if row is None:
                return Conflict(str(stored.originator_id))
            positions.append(int(row[0]))
        return positions

    def _version(self, c: SQLiteCursor, stream: str) -> int:
        c.execute(
            "SELECT MAX(originator_version) FROM stored_events WHERE originator_id=?", (stream,)
        )
        row: Any = c.fetchone()
        return int(row[0] or 0)


def create_log(path: Path) -> None:
    """Make the log's tables where they are missing."""
    recorder = GroupRecorder(path)
    recorder.create_table()
    recorder.datastore.close()
