"""SQLite connections as the embedded profile wants them: WAL, one writer, a reader per thread."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

LOCK_WAIT_S: Final = 5.0
# Read without a system call for each page.
MAPPED_BYTES_MAX: Final = 1 << 30
Synchronous = Literal["FULL", "NORMAL"]


def connect(
    path: Path, *, synchronous: Synchronous = "NORMAL", lock_wait_s: float | None = None
) -> sqlite3.Connection:
    """A connection in autocommit mode. NORMAL may lose the last commits at power loss, never
    consistency: right for what can be rebuilt; FULL for what cannot."""
    wait_s = LOCK_WAIT_S if lock_wait_s is None else lock_wait_s
    connection = sqlite3.connect(
        path, timeout=wait_s, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing; takes the write lock at once, so that it cannot fail half-way."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself: a full disk
            connection.execute("ROLLBACK")
        raise


class Readers:
    """A read connection per thread: readers never wait for the writer (WAL)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    def get(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = connect(self._path)
            found.execute("PRAGMA query_only=ON")
            found.execute(f"PRAGMA mmap_size={MAPPED_BYTES_MAX}")
            self._local.connection = found
            self._opened.append(found)
        return found

    def close(self) -> None:
        """Close every thread's connection; none may be in use."""
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._local = threading.local()
