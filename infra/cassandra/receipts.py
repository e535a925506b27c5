"""Idempotency-Keys in Cassandra: who has one, what it answers, and the events that it stands for.

A row is written by conditional writes only: the first one takes the key, and says at once what it
answers and with which events. Only where deciding has effects of its own a lease is written before.
That the events are acknowledged is noted in a table of its own. Rows end after two days.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from uuid import uuid4

from commands.ports import Answer, Receipt
from domain.errors import KeyInProgress, KeyReused
from domain.positions import Vector
from infra.cassandra.joined_writes import JoinedWrites
from infra.cassandra.kept import Encoding, Entry, pack, unpack_entry
from infra.cassandra.log_tables import LogTables, Statement
from infra.sealed_answers import KEPT_MS, answer_of, person_of, sealed_answer

LEASE_MS: Final = 30_000
_KEPT_S: Final = KEPT_MS // 1_000
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS @receipts (
    scope text, key text, owner text, lease_until_ms bigint, fingerprint blob,
    answer blob, entry blob, PRIMARY KEY ((scope, key)))""",
    """CREATE TABLE IF NOT EXISTS @receipts_done (
    scope text, key text, owner text, vector map<text, bigint>, PRIMARY KEY ((scope, key)))""",
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
_NOTED: Final = "SELECT owner, vector FROM @receipts_done WHERE scope = ? AND key = ?"


class Row(NamedTuple):
    """What a key stands for. `entry` is None for an answer that came without events; without an
    `answer` its command is under way, or died."""

    owner: str
    lease_until_ms: int
    fingerprint: bytes
    answer: bytes | None
    entry: Entry | None


class Put(NamedTuple):
    """The row that a key has now: `is_ours`, or another request's, which was first."""

    row: Row
    is_ours: bool


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
        # The keys that this process has, and under which name of its own; those without an answer.
        self._owned: dict[tuple[str, str], str] = {}
        self._leases: dict[tuple[str, str], str] = {}

    async def create(self) -> None:
        """Make the tables that are missing."""
        await self._tables.create(_SCHEMA)

    async def drop(self) -> None:
        """Remove the tables."""
        await self._tables.drop("receipts", "receipts_done")

    async def claim(self, scope: str, key: str, fingerprint: bytes) -> Row | None:
        """Take the key before anything is decided if nobody has it (None); otherwise what it
        stands for."""
        lease = self._lease(fingerprint)
        found = await self._insert(scope, key, lease)
        if found is None:
            self._leases[scope, key] = self._owned[scope, key] = lease.owner
        return found

    async def take_over(self, scope: str, key: str, fingerprint: bytes, *, owner: str) -> bool:
        """Take a key, before anything is decided, from an owner whose command had no effect and
        never will; False: somebody was faster."""
        lease = self._lease(fingerprint)
        if not await self._replace(scope, key, owner, lease):
            return False
        self._leases[scope, key] = self._owned[scope, key] = lease.owner
        return True

    async def put(self, receipt: Receipt, entry: Entry | None, *, over: str | None = None) -> Put:
        """Have an answer and its events with the key before the log has them, unless another
        request has. `over` is an owner whose command had no effect and never will.

        Raises KeyReused, and KeyInProgress where another request took the key over.
        """
        scope, key, fingerprint, answer = receipt
        row = Row(uuid4().hex, 0, fingerprint, await self._sealed(scope, answer), entry)
        owner = over or self._owned.get((scope, key))
        if owner is None:
            found = await self._insert(scope, key, row)
            if found is not None and found.fingerprint != fingerprint:
                raise KeyReused
            if found is not None:
                return Put(found, is_ours=False)
        # Under a new name, so that nobody takes over the row for what it said before.
        elif not await self._replace(scope, key, owner, row):
            self._forget(scope, key)
            raise KeyInProgress
        self._forget(scope, key)
        if entry is not None:
            self._owned[scope, key] = row.owner
        return Put(row, is_ours=True)

    async def done(self, scope: str, key: str, owner: str, vector: Vector) -> None:
        """Note that the events which stand with a key under its owner's name are in the log."""
        await self._joined.add([self.noting(scope, key, owner, vector)])

    def noting(self, scope: str, key: str, owner: str, vector: Vector) -> Statement:
        """What does as `done`, to be written together with something else."""
        self._forget(scope, key)
        return _NOTE, (scope, key, owner, dict(vector), _KEPT_S)

    async def done_at(self, scope: str, key: str, owner: str) -> Vector | None:
        """The vector that covers the events which stand with a key under its owner's name; None:
        they may be in the log or not."""
        for row in await self._tables.execute(_NOTED, (scope, key)):
            if row.owner == owner:
                vector: Mapping[str, int] = row.vector or {}
                return dict(vector)
        return None

    async def release(self, scope: str, key: str) -> None:
        """Give a key back, unless an answer stands with it: then a retry will tell what became."""
        lease = self._leases.get((scope, key))
        self._forget(scope, key)
        if lease is not None:
            await self._tables.execute(_DELETE, (scope, key, lease))

    async def answer(self, scope: str, sealed: bytes) -> Answer:
        """What was answered. Raises KeyReused for a person who was erased since."""
        await self._encoding.fetch({person_of(scope)})
        return answer_of(scope, sealed, self._encoding.keyring)

    async def _sealed(self, scope: str, answer: Answer) -> bytes:
        await self._encoding.prepare({person_of(scope)})
        return sealed_answer(scope, answer, self._encoding.keyring)

    def _lease(self, fingerprint: bytes) -> Row:
        return Row(uuid4().hex, self._now_ms() + LEASE_MS, fingerprint, None, None)

    def _forget(self, scope: str, key: str) -> None:
        self._owned.pop((scope, key), None)
        self._leases.pop((scope, key), None)

    async def _insert(self, scope: str, key: str, row: Row) -> Row | None:
        values = (scope, key, *_values(row), _KEPT_S)
        answer = (await self._tables.execute(_INSERT, values))[0]
        return None if answer.applied else _row(answer)

    async def _replace(self, scope: str, key: str, owner: str, row: Row) -> bool:
        values = (_KEPT_S, *_values(row), scope, key, owner)
        return bool((await self._tables.execute(_REPLACE, values))[0].applied)


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
