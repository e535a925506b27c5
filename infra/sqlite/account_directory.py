"""The account directory in SQLite."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from domain.ids import AccountId
from infra.sqlite.kept_rows import KeptRows
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.account_directory import DropAccount, Operation, SetProfile

# Some 400 bytes each.
PROFILES_KEPT: Final = 50_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (
    account_id INTEGER PRIMARY KEY, handle TEXT NOT NULL COLLATE NOCASE, members BLOB NOT NULL,
    version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS accounts_by_handle ON accounts (handle);
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS total (one INTEGER PRIMARY KEY, accounts INTEGER NOT NULL);
INSERT OR IGNORE INTO total VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS count_in AFTER INSERT ON accounts BEGIN
    UPDATE total SET accounts = accounts + 1;
END;
CREATE TRIGGER IF NOT EXISTS count_out AFTER DELETE ON accounts BEGIN
    UPDATE total SET accounts = accounts - 1;
END;
"""
_STATEMENTS: Final[Statements] = {
    SetProfile: (
        """INSERT INTO accounts SELECT ?1, ?2, ?3, ?4
        WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?1)
        ON CONFLICT DO UPDATE
        SET handle = excluded.handle, members = excluded.members, version = excluded.version
        WHERE excluded.version > version""",
    ),
    DropAccount: (
        "DELETE FROM accounts WHERE account_id = ?",
        "INSERT OR IGNORE INTO dropped_accounts VALUES (?)",
    ),
}
_OF: Final = "FROM json_each(?) AS wanted CROSS JOIN accounts ON account_id = wanted.value"
_BY_HANDLE: Final = (
    "SELECT account_id FROM accounts WHERE handle = ? ORDER BY account_id DESC LIMIT 1"
)


class SqliteAccountDirectory:
    """Implements `projections.account_directory.AccountDirectory`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.kept_profiles = KeptRows(
            self._file, {"accounts": "account_id"}, self._profiles, limit=PROFILES_KEPT
        )
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def profiles(self, account_ids: Sequence[AccountId]) -> dict[AccountId, bytes]:
        """See `AccountDirectory.profiles`."""
        return self.kept_profiles.get(account_ids)

    async def handles(self, account_ids: Sequence[AccountId]) -> dict[AccountId, str]:
        """See `AccountDirectory.handles`."""
        sql = f"SELECT account_id, handle {_OF}"
        return dict(self._file.reader.execute(sql, (orjson.dumps(account_ids),)))

    async def by_handle(self, handle: str) -> AccountId | None:
        """See `AccountDirectory.by_handle`."""
        row = self._file.reader.execute(_BY_HANDLE, (handle,)).fetchone()
        return None if row is None else AccountId(row[0])

    async def count(self) -> int:
        """See `AccountDirectory.count`."""
        (accounts,) = self._file.reader.execute("SELECT accounts FROM total").fetchone()
        return int(accounts)

    def _profiles(self, account_ids: Collection[AccountId]) -> dict[AccountId, bytes]:
        sql = f"SELECT account_id, members {_OF}"
        return dict(self._file.reader.execute(sql, (orjson.dumps(list(account_ids)),)))
