"""A key per person in `keys.db`, outside of the log: destroying a key erases what it sealed."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import Unavailable
from domain.ids import AccountId
from infra import sealing
from infra.sqlite.connections import connect, transaction
from streams.envelope import Erased

CACHED_KEYS_MAX: Final = 100_000
_DESTROYED: Final = b""

# A row without a key is a tombstone: the key was destroyed and is never made again.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS keys (person_id INTEGER PRIMARY KEY, key BLOB);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) WITHOUT ROWID;
"""
_MAKE: Final = "INSERT OR IGNORE INTO keys VALUES (?, ?)"
_GET: Final = "SELECT key FROM keys WHERE person_id = ?"
_DESTROY: Final = """
INSERT INTO keys VALUES (?, NULL) ON CONFLICT (person_id) DO UPDATE SET key = NULL
"""


class SqliteKeyring:
    """Implements `streams.envelope.Keyring` and `commands.ports.Handles`. Thread-safe.

    It caches keys, not ciphers: a cipher costs 1 us to make and 2.5 kB to keep.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._keys: OrderedDict[AccountId, bytes] = OrderedDict()
        with self._database():
            self._connection = connect(path, synchronous="FULL")
            self._connection.execute("PRAGMA secure_delete=ON")
            self._connection.executescript(_SCHEMA)
            self._handles_secret = self._secret("handles")

    def seal(self, person_id: AccountId, clear: bytes) -> bytes:
        """See `Keyring.seal`. For a person who was erased: Unavailable."""
        key = self._key(person_id, make=True)
        if key == _DESTROYED:
            raise Unavailable("The key of this person was destroyed")
        return sealing.seal(key, person_id, clear)

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        """See `Keyring.open`. Raises ValueError for bytes that this key did not seal."""
        key = self._key(person_id, make=False)
        if key == _DESTROYED:
            raise Erased
        return sealing.unseal(key, person_id, sealed)

    def ensure(self, person_ids: Iterable[AccountId]) -> None:
        """Make the keys that are missing, durably, in one commit. Raises Unavailable."""
        with self._database() as cached:
            new = [(i, sealing.new_key()) for i in person_ids if i not in cached]
            with transaction(self._connection):
                self._connection.executemany(_MAKE, new)

    def destroy(self, person_id: AccountId) -> None:
        """Erase the person: what was sealed can never be opened again. Raises Unavailable."""
        with self._database() as cached:
            cached.pop(person_id, None)
            with transaction(self._connection):
                self._connection.execute(_DESTROY, (person_id,))
            # The key is overwritten in the file (secure_delete); let no copy stay beside it.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def key_of(self, handle: str) -> str:
        """See `Handles.key_of`."""
        return sealing.blinded(self._handles_secret, handle)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _key(self, person_id: AccountId, *, make: bool) -> bytes:
        """The person's key, or _DESTROYED. Raises Unavailable where there is none to be had."""
        with self._lock:
            key = self._keys.get(person_id)
            if key is not None:
                self._keys.move_to_end(person_id)
                return key
        with self._database() as cached:
            key = cached[person_id] = self._load(person_id, make=make)
            if len(cached) > CACHED_KEYS_MAX:
                cached.popitem(last=False)
            return key

    def _load(self, person_id: AccountId, *, make: bool) -> bytes:
        found = self._connection.execute(_GET, (person_id,)).fetchone()
        if found is None and make:
            with transaction(self._connection):
                new = (person_id, sealing.new_key())
                self._connection.execute(_MAKE, new)
            found = self._connection.execute(_GET, (person_id,)).fetchone()
        if found is None:
            raise Unavailable(f"There is no key of person {person_id}")
        return _DESTROYED if found[0] is None else bytes(found[0])

    def _secret(self, name: str) -> bytes:
        new = (name, sealing.new_key())
        self._connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", new)
        sql = "SELECT secret FROM secrets WHERE name = ?"
        return bytes(self._connection.execute(sql, (name,)).fetchone()[0])

    @contextmanager
    def _database(self) -> Iterator[OrderedDict[AccountId, bytes]]:
        """The connection and the cache for one thread; no failure may look like an erasure."""
        with self._lock:
            try:
                yield self._keys
            except sqlite3.Error as error:
                raise Unavailable(f"The keys cannot be reached: {error}") from error
