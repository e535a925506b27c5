"""What local identity keeps, in `identity.db`: private, synced, every failure told as Unavailable.

Calls are short, single rows by key: they block whoever makes them.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from domain.errors import Unavailable
from domain.ids import AccountId
from infra.local_identity.store import KeptKey, KeptToken, News, NewSession, NewToken
from infra.sqlite.connections import connect, transaction

# How soon what another process did (the command line) is noticed.
NOTICE_S: Final = 1.0
FORGET_BATCH: Final = 100

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
_PUT_PASSWORD: Final = """
INSERT INTO passwords VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash
"""
_REPLACE_PASSWORD: Final = "UPDATE passwords SET hash = ? WHERE account_id = ? AND hash = ?"
_TOKEN: Final = """
SELECT t.session_id, s.account_id, t.expires_at, t.used_at, s.ended_at
FROM refresh_tokens t JOIN sessions s USING (session_id) WHERE t.hash = ?
"""
_USE_TOKEN: Final = """
UPDATE refresh_tokens SET used_at = ? WHERE hash = ? AND used_at IS NULL
AND session_id IN (SELECT session_id FROM sessions WHERE ended_at IS NULL) RETURNING session_id
"""
_END: Final = "UPDATE sessions SET ended_at = ? WHERE session_id = ? AND ended_at IS NULL"
_END_SESSIONS: Final = """
UPDATE sessions SET ended_at = ? WHERE account_id = ? AND ended_at IS NULL AND session_id != ?
RETURNING session_id
"""
_ERASE: Final = (
    """DELETE FROM refresh_tokens WHERE session_id IN (
        SELECT session_id FROM sessions WHERE account_id = ?)""",
    "DELETE FROM sessions WHERE account_id = ?",
    "DELETE FROM passwords WHERE account_id = ?",
)
_KEPT_OF: Final = """SELECT (SELECT COUNT(*) FROM passwords WHERE account_id = ?1)
+ (SELECT COUNT(*) FROM sessions WHERE account_id = ?1)
+ (SELECT COUNT(*) FROM refresh_tokens WHERE session_id IN (
    SELECT session_id FROM sessions WHERE account_id = ?1))"""
_ENDED: Final = "SELECT session_id, ended_at FROM sessions WHERE ended_at >= ? ORDER BY ended_at"
_KEYS: Final = (
    "SELECT kid, private_key, made_at, retired_at FROM signing_keys ORDER BY made_at, kid"
)
_FIRST_KEY: Final = """
INSERT INTO signing_keys SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM signing_keys)
"""


class SqliteIdentityStore:
    """Implements `infra.local_identity.store.IdentityStore`. One connection, one thread at a
    time."""

    key_notice_s = 0

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._since = 0
        self._look_at = 0.0
        path.touch(mode=0o600)
        with _told_as_unavailable():
            self._connection = connect(path, synchronous="FULL")
            self._connection.execute("PRAGMA secure_delete=ON")
            self._connection.executescript(_SCHEMA)
            self._seen = self._changed_by_others()

    def begin(self, first: KeptKey, since: int) -> News:
        """See `IdentityStore.begin`."""
        self._since = since
        with self._write() as connection:
            connection.execute(_FIRST_KEY, first)
        return self._all_news()

    def news(self) -> News | None:
        """See `IdentityStore.news`."""
        now = time.monotonic()
        if now < self._look_at:
            return None
        self._look_at = now + NOTICE_S
        seen = self._changed_by_others()
        if seen == self._seen:
            return None
        self._seen = seen
        return self._all_news()

    async def password(self, account_id: AccountId) -> str | None:
        """See `IdentityStore.password`."""
        found = self._rows("SELECT hash FROM passwords WHERE account_id = ?", account_id)
        return str(found[0][0]) if found else None

    async def keep_password(self, account_id: AccountId, hashed: str) -> None:
        """See `IdentityStore.keep_password`."""
        with self._write() as connection:
            connection.execute(_PUT_PASSWORD, (account_id, hashed))

    async def replace_password(self, account_id: AccountId, kept: str, hashed: str) -> bool:
        """See `IdentityStore.replace_password`."""
        with self._write() as connection:
            replaced = connection.execute(_REPLACE_PASSWORD, (hashed, account_id, kept))
            return replaced.rowcount == 1

    async def change_password(
        self, account_id: AccountId, hashed: str, *, kept: str | None, at: int, but: str
    ) -> Sequence[str] | None:
        """See `IdentityStore.change_password`."""
        with self._write() as connection:
            if kept is None:
                connection.execute(_PUT_PASSWORD, (account_id, hashed))
            elif connection.execute(_REPLACE_PASSWORD, (hashed, account_id, kept)).rowcount != 1:
                return None
            return _ids(connection.execute(_END_SESSIONS, (at, account_id, but)))

    async def drop_password(self, account_id: AccountId) -> None:
        """See `IdentityStore.drop_password`."""
        with self._write() as connection:
            connection.execute("DELETE FROM passwords WHERE account_id = ?", (account_id,))

    async def open_session(self, session: NewSession, token: NewToken, password: str) -> bool:
        """See `IdentityStore.open_session`."""
        with self._write() as connection:
            same = "SELECT 1 FROM passwords WHERE account_id = ? AND hash = ?"
            if not connection.execute(same, (session.account_id, password)).fetchall():
                return False
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, NULL)", session)
            _keep_token(connection, token, session.session_id)
            return True

    async def token(self, hashed: bytes) -> KeptToken | None:
        """See `IdentityStore.token`."""
        found = self._rows(_TOKEN, hashed)
        return KeptToken(*found[0]) if found else None

    async def rotate_token(self, used: bytes, token: NewToken, at: int) -> bool:
        """See `IdentityStore.rotate_token`."""
        with self._write() as connection:
            sessions = _ids(connection.execute(_USE_TOKEN, (at, used)))
            for session_id in sessions:
                old = "DELETE FROM refresh_tokens WHERE session_id = ? AND expires_at <= ?"
                connection.execute(old, (session_id, at))
                extend = "UPDATE sessions SET expires_at = ? WHERE session_id = ?"
                connection.execute(extend, (token.expires_at, session_id))
                _keep_token(connection, token, session_id)
            return bool(sessions)

    async def end_session(self, session_id: str, at: int) -> None:
        """See `IdentityStore.end_session`."""
        with self._write() as connection:
            connection.execute(_END, (at, session_id))

    async def end_sessions(self, account_id: AccountId, at: int) -> Sequence[str]:
        """See `IdentityStore.end_sessions`."""
        with self._write() as connection:
            return _ids(connection.execute(_END_SESSIONS, (at, account_id, "")))

    async def erase(self, account_id: AccountId) -> int:
        """See `IdentityStore.erase`."""
        with self._write() as connection:
            return sum(connection.execute(sql, (account_id,)).rowcount for sql in _ERASE)

    async def kept_of(self, account_id: AccountId) -> int:
        """See `IdentityStore.kept_of`."""
        return int(self._rows(_KEPT_OF, account_id)[0][0])

    async def forget_expired(self, before: int) -> None:
        """See `IdentityStore.forget_expired`."""
        expired = "SELECT session_id FROM sessions WHERE expires_at <= ? LIMIT ?"
        if gone := self._rows(expired, before, FORGET_BATCH):
            with self._write() as connection:
                connection.executemany("DELETE FROM refresh_tokens WHERE session_id = ?", gone)
                connection.executemany("DELETE FROM sessions WHERE session_id = ?", gone)

    async def add_key(self, key: KeptKey, *, replacing: str, dead_before: int) -> Sequence[KeptKey]:
        """See `IdentityStore.add_key`."""
        with self._write() as connection:
            dead = "DELETE FROM signing_keys WHERE retired_at <= ?"
            connection.execute(dead, (dead_before,))
            retire = "UPDATE signing_keys SET retired_at = ? WHERE kid = ? AND retired_at IS NULL"
            if connection.execute(retire, (key.made_at, replacing)).rowcount == 1:
                connection.execute("INSERT INTO signing_keys VALUES (?, ?, ?, ?)", key)
        return self._keys()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _all_news(self) -> News:
        return News(dict(self._rows(_ENDED, self._since)), self._keys())

    def _keys(self) -> list[KeptKey]:
        return [KeptKey(*row) for row in self._rows(_KEYS)]

    def _changed_by_others(self) -> int:
        """A number that changes when another process has written."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with self._lock, _told_as_unavailable():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction, durable when this ends well."""
        with self._lock, _told_as_unavailable(), transaction(self._connection):
            yield self._connection


def _keep_token(connection: sqlite3.Connection, token: NewToken, session_id: str) -> None:
    row = (token.hashed, session_id, token.expires_at)
    connection.execute("INSERT INTO refresh_tokens VALUES (?, ?, ?, NULL)", row)


def _ids(rows: sqlite3.Cursor) -> list[str]:
    return [session_id for (session_id,) in rows]


@contextmanager
def _told_as_unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"Identity cannot be reached: {error}") from error
