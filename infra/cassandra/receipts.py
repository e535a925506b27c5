"""Idempotency-Keys in Cassandra: who has one, what it answers, and the events that it stands for.

A row is taken, given events and given back by conditional writes only; that its events are
acknowledged is noted in a table of its own. Rows end after two days, those of imports never.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from uuid import uuid4

from commands.ports import Answer, Receipt
from domain.errors import KeyReused, Unavailable
from domain.positions import Vector
from infra.cassandra.joined_writes import JoinedWrites
from infra.cassandra.kept import Encoding, Entry, pack, unpack_entry
from infra.cassandra.log_tables import LogTables
from infra.sealed_answers import IMPORTS, KEPT_MS, answer_of, person_of, sealed_answer

LEASE_MS: Final = 30_000
IMPORT_SHARDS: Final = 16
TAKEN: Final = "A retry has the Idempotency-Key by now"
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS @receipts (
    scope text, key text, owner text, lease_until_ms bigint, fingerprint blob,
    answer blob, entry blob, PRIMARY KEY ((scope, key)))""",
    """CREATE TABLE IF NOT EXISTS @receipts_done (
    scope text, key text, owner text, vector map<text, bigint>, PRIMARY KEY ((scope, key)))""",
    """CREATE TABLE IF NOT EXISTS @imported (
    scope text, shard int, key text, answer blob, PRIMARY KEY ((scope, shard), key))""",
)
_INSERT: Final = """INSERT INTO @receipts
(scope, key, owner, lease_until_ms, fingerprint, answer, entry) VALUES (?,?,?,?,?,?,?)
IF NOT EXISTS USING TTL ?"""
_REPLACE: Final = """UPDATE @receipts USING TTL ?
SET owner = ?, lease_until_ms = ?, fingerprint = ?, answer = ?, entry = ?
WHERE scope = ? AND key = ? IF owner = ?"""
_DELETE: Final = """DELETE FROM @receipts WHERE scope = ? AND key = ?
IF owner = ? AND answer = null"""
_NOTE: Final = """INSERT INTO @receipts_done (scope, key, owner, vector) VALUES (?,?,?,?)
USING TTL ?"""
_IMPORT: Final = "INSERT INTO @imported (scope, shard, key, answer) VALUES (?,?,?,?)"
_IMPORTED: Final = "SELECT key, answer FROM @imported WHERE scope = ? AND shard = ?"
_NOTED: Final = "SELECT owner, vector FROM @receipts_done WHERE scope = ? AND key = ?"


class Row(NamedTuple):
    """What a key stands for. `entry` is None for an answer that came without events; without an
    `answer` its command is under way, or died."""

    owner: str
    lease_until_ms: int
    fingerprint: bytes
    answer: bytes | None
    entry: Entry | None


class Prepared(NamedTuple):
    """A row that has its events: whose it is, and the events of an `earlier` attempt if there was
    one, which are to be recorded instead."""

    owner: str
    earlier: Entry | None = None


class Receipts:
    """The keys of one log. Methods raise StoreUnavailable, and Unavailable for a person's key."""

    def __init__(
        self,
        tables: LogTables,
        encoding: Encoding,
        joined: JoinedWrites | None = None,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._tables = tables
        self._joined = joined or JoinedWrites(tables)
        self._encoding = encoding
        self._now_ms = now_ms
        # The keys that this process has, and under which name of its own.
        self._owned: dict[tuple[str, str], str] = {}

    async def create(self) -> None:
        """Make the tables that are missing."""
        await self._tables.create(_SCHEMA)

    async def drop(self) -> None:
        """Remove the tables."""
        await self._tables.drop("receipts", "receipts_done", "imported")

    async def claim(self, scope: str, key: str, fingerprint: bytes) -> Row | None:
        """Take the key if nobody has it (None); otherwise what it stands for."""
        owner = uuid4().hex
        lease = self._now_ms() + LEASE_MS
        found = await self._put(scope, key, Row(owner, lease, fingerprint, None, None))
        if found is None:
            self._owned[scope, key] = owner
        return found

    async def take_over(self, scope: str, key: str, fingerprint: bytes, *, owner: str) -> bool:
        """Take a key from an owner whose command had no effect and never will; False: somebody
        was faster."""
        taken = Row(uuid4().hex, self._now_ms() + LEASE_MS, fingerprint, None, None)
        if not await self._replace(scope, key, owner, taken):
            return False
        self._owned[scope, key] = taken.owner
        return True

    async def prepare(self, receipt: Receipt, entry: Entry) -> Prepared:
        """Have the answer and its events with the key before the log has them. Raises
        Unavailable where another command has the key now, KeyReused if that is another one.
        """
        scope, key, fingerprint, answer = receipt
        sealed = await self._sealed(scope, answer)
        row = Row(uuid4().hex, 0, fingerprint, sealed, entry)
        owner = self._owned.get((scope, key))
        if owner is not None:
            await self._keep(scope, key, owner, row)
            return Prepared(row.owner)
        found = await self._put(scope, key, row)
        if found is None:
            self._owned[scope, key] = row.owner
            return Prepared(row.owner)
        if found.fingerprint != fingerprint:
            raise KeyReused
        if found.entry is None:
            raise Unavailable(TAKEN)
        return Prepared(found.owner, found.entry)

    async def complete(self, receipt: Receipt) -> None:
        """Keep an answer that came without events. Raises Unavailable where another command has
        the key now."""
        scope, key, fingerprint, answer = receipt
        owner = self._owned.get((scope, key))
        if owner is None:
            raise Unavailable(TAKEN)
        sealed = await self._sealed(scope, answer)
        await self._keep(scope, key, owner, Row(uuid4().hex, 0, fingerprint, sealed, None))
        del self._owned[scope, key]

    async def done(self, scope: str, key: str, owner: str, vector: Vector) -> None:
        """Note that the events which stand with a key under its owner's name are in the log."""
        self._owned.pop((scope, key), None)
        note = (_NOTE, (scope, key, owner, dict(vector), _ttl_s(scope)))
        await self._joined.add([note])

    async def imported(self, receipt: Receipt) -> None:
        """List what an import recorded, for the next one: `done` finds one key, this is for all
        of a scope at once."""
        scope, key, _, answer = receipt
        if scope.startswith(IMPORTS):
            sealed = await self._sealed(scope, answer)
            shard = zlib.crc32(key.encode()) % IMPORT_SHARDS
            await self._tables.execute(_IMPORT, (scope, shard, key, sealed))

    async def of_import(self, scope: str) -> dict[str, bytes]:
        """Every key of an import that is done, and its sealed answer."""
        shards = await self._tables.execute_many(
            [(_IMPORTED, (scope, shard)) for shard in range(IMPORT_SHARDS)]
        )
        return {row.key: row.answer for rows in shards for row in rows}

    async def done_at(self, scope: str, key: str, owner: str) -> Vector | None:
        """The vector that covers the events which stand with a key under its owner's name; None:
        they may be in the log or not."""
        for row in await self._tables.execute(_NOTED, (scope, key)):
            if row.owner == owner:
                vector: Mapping[str, int] = row.vector or {}
                return dict(vector)
        return None

    async def release(self, scope: str, key: str) -> None:
        """Give a key back, unless events stand with it: then a retry will tell what became."""
        owner = self._owned.pop((scope, key), None)
        if owner is not None:
            await self._tables.execute(_DELETE, (scope, key, owner))

    async def answer(self, scope: str, sealed: bytes) -> Answer:
        """What was answered. Raises KeyReused for a person who was erased since."""
        await self._encoding.fetch({person_of(scope)})
        return answer_of(scope, sealed, self._encoding.keyring)

    async def _sealed(self, scope: str, answer: Answer) -> bytes:
        await self._encoding.prepare({person_of(scope)})
        return sealed_answer(scope, answer, self._encoding.keyring)

    async def _keep(self, scope: str, key: str, owner: str, row: Row) -> None:
        """Under a new name, so that nobody takes over the row for what it said before."""
        if not await self._replace(scope, key, owner, row):
            del self._owned[scope, key]
            raise Unavailable(TAKEN)
        self._owned[scope, key] = row.owner

    async def _put(self, scope: str, key: str, row: Row) -> Row | None:
        values = (scope, key, *_values(row), _ttl_s(scope))
        answer = (await self._tables.execute(_INSERT, values))[0]
        return None if answer.applied else _row(answer)

    async def _replace(self, scope: str, key: str, owner: str, row: Row) -> bool:
        values = (_ttl_s(scope), *_values(row), scope, key, owner)
        return bool((await self._tables.execute(_REPLACE, values))[0].applied)


def _ttl_s(scope: str) -> int:
    """0 is for ever."""
    return 0 if scope.startswith(IMPORTS) else KEPT_MS // 1_000


def _values(row: Row) -> tuple[Any, ...]:
    entry = None if row.entry is None else pack(row.entry)
    return row.owner, row.lease_until_ms, row.fingerprint, row.answer, entry


def _row(answer: Any) -> Row:
    return Row(
        answer.owner,
        answer.lease_until_ms,
        answer.fingerprint,
        answer.answer,
        unpack_entry(answer.entry) if answer.entry else None,
    )
