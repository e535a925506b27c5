"""Notifications in SQLite: one table of registers, and an index of those that stand."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from domain.ids import AccountId, ItemId, PostId
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.notifications import (
    KINDS,
    UNREAD_COUNTED_MAX,
    DropAccount,
    DropPost,
    Kind,
    MarkRead,
    Notification,
    NotifyOfPost,
    Operation,
    SetFollow,
    SetReaction,
)
from projections.windows import Window

# A register is (post, recipient, actor, register): what a text is to somebody (its kind may
# change as earlier versions arrive), a like, a repost, or, with post 0, a follow.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS notifications (
    post_id INTEGER NOT NULL, recipient_id INTEGER NOT NULL, actor_id INTEGER NOT NULL,
    register TEXT NOT NULL, kind TEXT NOT NULL, item_id INTEGER NOT NULL, live INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (post_id, recipient_id, actor_id, register)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told ON notifications (recipient_id, kind, item_id, live)
WHERE live = 1;
CREATE INDEX IF NOT EXISTS caused ON notifications (actor_id);
CREATE TABLE IF NOT EXISTS read_marks (
    account_id INTEGER PRIMARY KEY, up_to_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY) WITHOUT ROWID;
"""
_WANTED: Final = """WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = {post})
AND NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id IN ({recipient}, {actor}))"""
_LOWER_WINS: Final = """ ON CONFLICT DO UPDATE
SET kind = excluded.kind, item_id = excluded.item_id, version = excluded.version
WHERE excluded.version < version"""
_HIGHER_WINS: Final = """ ON CONFLICT DO UPDATE
SET item_id = excluded.item_id, live = excluded.live, version = excluded.version
WHERE excluded.version > version"""
_STATEMENTS: Final[Statements] = {
    NotifyOfPost: (
        "INSERT INTO notifications SELECT ?2, ?1, ?3, 'text', ?4, ?5, 1, ?6 "
        + _WANTED.format(post="?2", recipient="?1", actor="?3")
        + _LOWER_WINS,
    ),
    SetReaction: (
        "INSERT INTO notifications SELECT ?2, ?1, ?3, ?4, ?4, ?5, ?6, ?7 "
        + _WANTED.format(post="?2", recipient="?1", actor="?3")
        + _HIGHER_WINS,
    ),
    SetFollow: (
        "INSERT INTO notifications SELECT 0, ?1, ?2, 'follow', 'follow', ?3, ?4, ?5 "
        + _WANTED.format(post="0", recipient="?1", actor="?2")
        + _HIGHER_WINS,
    ),
    DropPost: (
        "DELETE FROM notifications WHERE post_id = ?",
        "INSERT OR IGNORE INTO dropped_posts VALUES (?)",
    ),
    DropAccount: (
        "DELETE FROM notifications WHERE actor_id = ?",
        "DELETE FROM notifications WHERE recipient_id = ? AND live = 1",
        "INSERT OR IGNORE INTO dropped_accounts VALUES (?)",
    ),
    MarkRead: (
        """INSERT INTO read_marks VALUES (?, ?) ON CONFLICT DO UPDATE
        SET up_to_id = excluded.up_to_id WHERE excluded.up_to_id > up_to_id""",
    ),
}
# A seek for each kind, merged: as cheap for a rare kind among a million likes.
_ARM: Final = """SELECT item_id, kind, actor_id, post_id FROM notifications
WHERE recipient_id = :account AND kind = '{kind}' AND live = 1
AND item_id > :above AND item_id < :below"""
_ARMS: Final[Mapping[Kind, str]] = {kind: _ARM.format(kind=kind) for kind in KINDS}
_ALL: Final = " UNION ALL ".join(_ARMS.values())
_UNREAD: Final = f"SELECT COUNT(*) FROM ({_ALL} LIMIT :limit)"  # noqa: S608 - our own words
_READ_UP_TO: Final = "SELECT up_to_id FROM read_marks WHERE account_id = ?"


class SqliteNotifications:
    """Implements `projections.notifications.Notifications`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def page(
        self,
        account_id: AccountId,
        window: Window,
        limit: int,
        kinds: Collection[Kind] = KINDS,
    ) -> Sequence[Notification]:
        """See `Notifications.page`."""
        if not kinds:
            return []
        arms = " UNION ALL ".join(_ARMS[kind] for kind in kinds)
        order = "ASC" if window.upwards else "DESC"
        sql = f"{arms} ORDER BY item_id {order} LIMIT :limit"
        wanted = {
            "account": account_id,
            "above": window.above,
            "below": window.below,
            "limit": limit,
        }
        read_up_to = self._read_up_to(account_id)
        rows = [
            Notification(ItemId(i), kind, actor, PostId(post) if post else None, i <= read_up_to)
            for i, kind, actor, post in self._file.reader.execute(sql, wanted)
        ]
        return rows[::-1] if window.upwards else rows

    async def unread_count(self, account_id: AccountId) -> int:
        """See `Notifications.unread_count`."""
        wanted = {
            "account": account_id,
            "above": self._read_up_to(account_id),
            "below": Window().below,
            "limit": UNREAD_COUNTED_MAX,
        }
        (unread,) = self._file.reader.execute(_UNREAD, wanted).fetchone()
        return int(unread)

    def _read_up_to(self, account_id: AccountId) -> int:
        row = self._file.reader.execute(_READ_UP_TO, (account_id,)).fetchone()
        return 0 if row is None else int(row[0])
