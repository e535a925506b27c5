"""`identity.db`: opened private and synced, with every SQLite failure told as Unavailable."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import Unavailable
from infra.sqlite.connections import connect, transaction

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS passwords (
    account_id INTEGER PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY, account_id INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, ended_at INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_account ON sessions (account_id);
CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (expires_at);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    hash BLOB PRIMARY KEY, session_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL, used_at INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE TABLE IF NOT EXISTS signing_keys (
    kid TEXT PRIMARY KEY, private_key BLOB NOT NULL,
    made_at INTEGER NOT NULL, retired_at INTEGER) WITHOUT ROWID;
"""


class Database:
    """One connection, used by one thread at a time. Calls are short: single rows by key."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        path.touch(mode=0o600)
        with _told_as_unavailable():
            self._connection = connect(path, synchronous="FULL")
            self._connection.execute("PRAGMA secure_delete=ON")
            self._connection.executescript(_SCHEMA)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection. Raises Unavailable."""
        with self._lock, _told_as_unavailable():
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction, durable when this ends well. Raises Unavailable."""
        with self._lock, _told_as_unavailable(), transaction(self._connection):
            yield self._connection

    def changed_by_others(self) -> int:
        """A number that changes when another process (the command line) has written."""
        with self.read() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


@contextmanager
def _told_as_unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"Identity cannot be reached: {error}") from error
