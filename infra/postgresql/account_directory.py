"""The account directory in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.ids import AccountId
from infra.postgresql.counting import counted
from infra.postgresql.database import Database, storable
from infra.postgresql.projection_tables import ProjectionTables, Written
from projections.account_directory import DropAccount, Operation, SetProfile

# Whatever the database's own collation, only ASCII letters have two cases here.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (
    account_id bigint PRIMARY KEY, handle text COLLATE "C" NOT NULL, members bytea NOT NULL,
    version bigint NOT NULL);
CREATE INDEX IF NOT EXISTS accounts_by_handle ON accounts (lower(handle), account_id);
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS total (one integer PRIMARY KEY, accounts bigint NOT NULL);
INSERT INTO total VALUES (1, 0) ON CONFLICT DO NOTHING;
""" + counted(
    "accounts",
    "UPDATE total SET accounts = accounts + (SELECT coalesce(sum(sign), 0) FROM changed)",
)
_WRITTEN: Final[Mapping[type, Written]] = {
    SetProfile: Written(
        "account_id bigint, handle text, members bytea, version bigint",
        "account_id",
        (
            """INSERT INTO {ns}.accounts AS kept SELECT * FROM given
            WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_accounts d
            WHERE d.account_id = given.account_id)
            ON CONFLICT (account_id) DO UPDATE
            SET handle = excluded.handle, members = excluded.members, version = excluded.version
            WHERE excluded.version > kept.version""",
        ),
    ),
    DropAccount: Written(
        "account_id bigint",
        "account_id",
        (
            "DELETE FROM {ns}.accounts a USING given WHERE a.account_id = given.account_id",
            "INSERT INTO {ns}.dropped_accounts SELECT * FROM given ON CONFLICT DO NOTHING",
        ),
    ),
}
_PROFILES: Final = "SELECT account_id, members FROM {ns}.accounts WHERE account_id = ANY(%s)"
_HANDLES: Final = "SELECT account_id, handle FROM {ns}.accounts WHERE account_id = ANY(%s)"
_BY_HANDLE: Final = """SELECT account_id FROM {ns}.accounts
WHERE lower(handle) = lower(%s COLLATE "C") ORDER BY account_id DESC LIMIT 1"""
_COUNT: Final = "SELECT accounts FROM {ns}.total"


class PostgresqlAccountDirectory:
    """Implements `projections.account_directory.AccountDirectory`."""

    def __init__(self, database: Database, namespace: str) -> None:
        self._tables = ProjectionTables(database, namespace, _SCHEMA, _WRITTEN)
        self.create, self.drop = self._tables.create, self._tables.drop
        self.claim = self._tables.claim
        self._profiles = self._tables.named(_PROFILES)
        self._handles = self._tables.named(_HANDLES)
        self._by_handle = self._tables.named(_BY_HANDLE)
        self._count = self._tables.named(_COUNT)

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        await self._tables.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def profiles(self, account_ids: Sequence[AccountId]) -> dict[AccountId, bytes]:
        """See `AccountDirectory.profiles`."""
        rows = await self._tables.rows(self._profiles, (list(account_ids),))
        return {account_id: members for account_id, members in rows}

    async def handles(self, account_ids: Sequence[AccountId]) -> dict[AccountId, str]:
        """See `AccountDirectory.handles`."""
        rows = await self._tables.rows(self._handles, (list(account_ids),))
        return {account_id: handle for account_id, handle in rows}

    async def by_handle(self, handle: str) -> AccountId | None:
        """See `AccountDirectory.by_handle`."""
        if not storable(handle):
            return None
        rows = await self._tables.rows(self._by_handle, (handle,))
        return rows[0][0] if rows else None

    async def count(self) -> int:
        """See `AccountDirectory.count`."""
        [(accounts,)] = await self._tables.rows(self._count)
        return int(accounts)
