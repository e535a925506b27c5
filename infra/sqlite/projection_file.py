"""A projection's own SQLite file: its tables, its checkpoint, one writer and many readers."""

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from infra.sqlite.connections import Readers, connect, transaction
from projections.projection import StoreUnavailable

_CHECKPOINTS = """
CREATE TABLE IF NOT EXISTS checkpoints (
    partition INTEGER PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
"""
_ADVANCE = """
INSERT INTO checkpoints VALUES (?, ?) ON CONFLICT (partition) DO UPDATE
SET position = excluded.position WHERE excluded.position > position
"""

# The thread that waits here is every projection's: it comes back later instead.
LOCK_WAIT_S: Final = 0.02

# A file that is locked, full, gone or damaged. Its subclasses, which speak of one statement, are
# bugs: the event is parked.
OUTAGES: Final = frozenset({sqlite3.DatabaseError, sqlite3.OperationalError})

# A watched table's changes are noted in the writer's own temporary table, so that they are those
# of the transaction, whatever statement or trigger made them.
_NOTED: Final = "CREATE TEMP TABLE {noted} (key INTEGER)"
_NOTE: Final = """CREATE TEMP TRIGGER {noted}_{table}_{way} AFTER {way} ON main.{table} BEGIN
    INSERT INTO {noted} VALUES ({row}.{key});
END"""
_WAYS: Final = (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))

# Operation type -> the statements it means; ?1, ?2 ... are the operation's fields in order.
Statements = Mapping[type, tuple[str, ...]]
Changed = Callable[[Collection[int]], None]


class ProjectionFile:
    """Opens (and makes) the file of one projection and generation.

    What it holds can be rebuilt from the log, so commits are not synced one by one: after a
    power loss the file is consistent and its own checkpoint says where to go on.
    """

    def __init__(
        self, path: Path, schema: str, statements: Statements, *, memory_mb: int = 8
    ) -> None:
        """`memory_mb`: what the writer keeps of the file in memory, and how much it writes behind
        the file before it is copied there. Worth as much as the pages that a batch touches."""
        self._statements = statements
        self._lock = threading.Lock()
        self._writer = connect(path, lock_wait_s=LOCK_WAIT_S)
        self._writer.execute(f"PRAGMA cache_size = {-1024 * memory_mb}")
        self._writer.execute(f"PRAGMA wal_autocheckpoint = {256 * memory_mb}")
        self._writer.executescript(_CHECKPOINTS + schema)
        self._readers = Readers(path)
        self._watchers: list[tuple[str, Changed]] = []

    def watch(self, tables: Mapping[str, str], changed: Changed) -> None:
        """Tell `changed` after each commit which keys it touched, `tables` being the tables with
        the column that has the key. To be said before anything is written."""
        noted = f"noted_{len(self._watchers)}"
        self._writer.execute(_NOTED.format(noted=noted))
        for table, key in tables.items():
            for way, row in _WAYS:
                note = _NOTE.format(noted=noted, table=table, way=way, row=row, key=key)
                self._writer.execute(note)
        self._watchers.append((noted, changed))

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's read connection."""
        return self._readers.get()

    def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        """Run a batch's statements and move the checkpoint, all or nothing.

        Operations are grouped by type: their order makes no difference (set semantics).
        Raises StoreUnavailable if the file cannot be written now.
        """
        with self.applying(operations, checkpoint):
            pass

    @contextmanager
    def applying(
        self, operations: Sequence[Any], checkpoint: Mapping[int, int]
    ) -> Iterator[sqlite3.Connection]:
        """As `apply`; the body writes what else follows from the batch, in its transaction."""
        groups: dict[type, list[Any]] = {}
        for operation in operations:
            groups.setdefault(type(operation), []).append(operation)
        with self.writing() as writer:
            for kind, group in groups.items():
                for statement in self._statements[kind]:
                    writer.executemany(statement, group)
            yield writer
            writer.executemany(_ADVANCE, checkpoint.items())

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writer in a transaction of its own; one thread at a time.

        Raises StoreUnavailable if the file cannot be written now.
        """
        try:
            with self._lock:
                with transaction(self._writer) as writer:
                    yield writer
                    touched = [self._take_noted(noted) for noted, _ in self._watchers]
                for keys, (_, changed) in zip(touched, self._watchers, strict=True):
                    if keys:
                        changed(keys)
        except sqlite3.DatabaseError as error:
            if type(error) in OUTAGES:
                raise StoreUnavailable(str(error)) from error
            raise

    def _take_noted(self, noted: str) -> set[int]:
        keys = {key for (key,) in self._writer.execute(f"SELECT key FROM {noted}")}  # noqa: S608
        if keys:
            self._writer.execute(f"DELETE FROM {noted}")  # noqa: S608
        return keys

    def checkpoint(self) -> dict[int, int]:
        """Partition -> position of the last event applied."""
        return dict(self.reader.execute("SELECT partition, position FROM checkpoints"))

    def close(self) -> None:
        """Close all connections."""
        self._readers.close()
        self._writer.close()
