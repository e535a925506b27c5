"""A key per person in PostgreSQL, outside of the log: destroying a key erases what it sealed.

Every process keeps keys in memory. `prepare` and `fetch` bring those of a batch there without
blocking the event loop; what is asked for without that costs a blocking round trip. A thread looks
every `LOOK_S` for keys that other processes destroyed. PostgreSQL keeps a destroyed key's bytes in
its files until it has vacuumed the row, and its write-ahead log and backups as long as those are
kept: their retention is the time that erasing takes.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from domain.errors import Unavailable
from domain.ids import AccountId
from infra import sealing
from infra.postgresql.blocking import BlockingDatabase
from infra.postgresql.database import Database, Row, checked
from infra.postgresql.looking import Looking
from infra.postgresql.migrations import SHARED
from projections.projection import StoreUnavailable
from streams.envelope import Erased, NotAtHand

CACHED_KEYS_MAX: Final = 100_000
LOOK_S: Final = 1.0
# How long a transaction may take after it noted that a key is destroyed; it is given up before.
UNSEEN_S: Final = 30.0
_DESTROYED: Final = b""

# In order of the ids, so that two who make the same keys wait for each other and nothing more.
_MAKE: Final = """INSERT INTO {ns}.keys (person_id, key)
SELECT * FROM unnest(%s::bigint[], %s::bytea[]) AS new (person_id, key) ORDER BY person_id
ON CONFLICT DO NOTHING"""
_GET: Final = "SELECT person_id, key FROM {ns}.keys WHERE person_id = ANY(%s)"
_DESTROY: Final = """INSERT INTO {ns}.keys VALUES (%s, NULL, now()) ON CONFLICT (person_id)
DO UPDATE SET key = NULL, destroyed_at = coalesce(keys.destroyed_at, now())"""
_LATELY_DESTROYED: Final = """SELECT person_id FROM {ns}.keys
WHERE destroyed_at > now() - make_interval(secs => %s)"""
_MAKE_SECRET: Final = "INSERT INTO {ns}.secrets VALUES (%s, %s) ON CONFLICT DO NOTHING"
_GET_SECRET: Final = "SELECT secret FROM {ns}.secrets WHERE name = %s"


class PostgresqlKeyring:
    """Implements `Keyring`, `Loading` and `Remembering` of `streams.envelope`, and
    `commands.ports.Handles`. Thread-safe.

    A key that another process destroyed opens nothing here after about `LOOK_S`, or, if PostgreSQL
    cannot be reached, as soon as it can.
    """

    def __init__(self, database: Database, url: str, namespace: str = SHARED) -> None:
        self._database = database
        self._blocking = BlockingDatabase(url)
        self._namespace = checked(namespace)
        self._lock = threading.Lock()
        self._keys: OrderedDict[AccountId, bytes] = OrderedDict()
        self._looked_at = time.monotonic()
        self._looking = Looking("destroyed keys", self._look, every_s=LOOK_S)
        self._handles_secret: bytes | None = None

    def seal(self, person_id: AccountId, clear: bytes) -> bytes:
        """See `Keyring.seal`. For a person who was erased: Unavailable."""
        key = self._key(person_id, make=True)
        if key == _DESTROYED:
            raise Unavailable("The key of this person was destroyed")
        return sealing.seal(key, person_id, clear)

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        """See `Keyring.open`. Raises ValueError for bytes that this key did not seal."""
        return _unsealed(self._key(person_id, make=False), person_id, sealed)

    def open_at_hand(self, person_id: AccountId, sealed: bytes) -> bytes:
        """See `Remembering.open_at_hand`. Raises ValueError as `open`."""
        key = self._kept(person_id)
        if key is None:
            raise NotAtHand
        return _unsealed(key, person_id, sealed)

    async def prepare(self, person_ids: Iterable[AccountId]) -> None:
        """Have these people's keys in memory, and make those that are missing, durably: before
        events of theirs are sealed. Raises Unavailable."""
        missing = self._unknown(person_ids)
        if missing:
            await self._rows(_MAKE, *_new_keys(missing))
            self._keep(await self._rows(_GET, missing))

    async def fetch(self, person_ids: Iterable[AccountId]) -> None:
        """Have these people's keys in memory, those that there are: before events of theirs are
        opened. Raises Unavailable."""
        missing = self._unknown(person_ids)
        if missing:
            self._keep(await self._rows(_GET, missing))

    def load(self, person_ids: Iterable[AccountId]) -> None:
        """As `fetch`, for a thread of its own."""
        missing = self._unknown(person_ids)
        if missing:
            self._keep(self._ask(_GET, missing))

    def ensure(self, person_ids: Iterable[AccountId]) -> None:
        """As `prepare`, for a thread of its own."""
        missing = self._unknown(person_ids)
        if missing:
            self._ask(_MAKE, *_new_keys(missing))
            self._keep(self._ask(_GET, missing))

    def destroy(self, person_id: AccountId) -> None:
        """Erase the person: what was sealed can never be opened again. Raises Unavailable."""
        self._ask(_DESTROY, person_id)
        self._keep([(person_id, None)])

    def key_of(self, handle: str) -> str:
        """See `Handles.key_of`. Raises Unavailable if the secret was never had."""
        if self._handles_secret is None:
            self._ask(_MAKE_SECRET, "handles", sealing.new_key())
            [(self._handles_secret,)] = self._ask(_GET_SECRET, "handles")
        return sealing.blinded(self._handles_secret, handle)

    def close(self) -> None:
        """Look no more, and let the connection of its own go."""
        self._looking.close()
        self._blocking.close()

    def _key(self, person_id: AccountId, *, make: bool) -> bytes:
        """The person's key, or _DESTROYED. Raises Unavailable where there is none to be had."""
        key = self._kept(person_id)
        if key is None:
            self._keep(self._ask(_GET, [person_id]))
            key = self._kept(person_id)
        if key is None and make:
            self.ensure([person_id])
            key = self._kept(person_id)
        if key is None:
            raise Unavailable(f"There is no key of person {person_id}")
        return key

    def _kept(self, person_id: AccountId) -> bytes | None:
        with self._lock:
            key = self._keys.get(person_id)
            if key is not None:
                self._keys.move_to_end(person_id)
            return key

    def _keep(self, rows: Iterable[Row]) -> None:
        self._looking.start()
        with self._lock:
            for person_id, key in rows:
                # Destroyed is for ever, whatever was read a moment before.
                if self._keys.get(person_id) != _DESTROYED:
                    self._keys[person_id] = _DESTROYED if key is None else key
            while len(self._keys) > CACHED_KEYS_MAX:
                self._keys.popitem(last=False)

    def _look(self) -> None:
        now = time.monotonic()
        destroyed = self._ask(_LATELY_DESTROYED, now - self._looked_at + UNSEEN_S)
        self._looked_at = now
        self._keep((person_id, None) for (person_id,) in destroyed)

    def _unknown(self, person_ids: Iterable[AccountId]) -> list[AccountId]:
        with self._lock:
            return sorted({one for one in person_ids if one not in self._keys})

    async def _rows(self, sql: str, *values: object) -> list[Row]:
        try:
            return await self._database.rows(self._named(sql), values)
        except StoreUnavailable as error:
            raise Unavailable(f"The keys cannot be reached: {error}") from error

    def _ask(self, sql: str, *values: object) -> list[Row]:
        return self._blocking.rows(self._named(sql), values)

    def _named(self, sql: str) -> str:
        return sql.replace("{ns}", self._namespace)


def _unsealed(key: bytes, person_id: AccountId, sealed: bytes) -> bytes:
    if key == _DESTROYED:
        raise Erased
    return sealing.unseal(key, person_id, sealed)


def _new_keys(person_ids: Sequence[AccountId]) -> tuple[list[AccountId], list[bytes]]:
    return list(person_ids), [sealing.new_key() for _ in person_ids]
