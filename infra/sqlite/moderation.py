"""Moderation in SQLite."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.moderation import (
    Audit,
    AuditEntry,
    DropAccount,
    FileReport,
    HiddenPost,
    Operation,
    Report,
    Resolution,
    ResolveReport,
    SetHidden,
    SetSuspension,
    Suspension,
)
from projections.windows import Window

# A report and its resolution come in any order, so each has its own table; triggers keep which
# reports are open, so that neither list has to skip over the other's.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS reports (
    report_id INTEGER PRIMARY KEY, reporter_id INTEGER NOT NULL, post_id INTEGER NOT NULL,
    post_author_id INTEGER NOT NULL, reason TEXT NOT NULL, comment TEXT NOT NULL,
    resolved INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS reports_by_state ON reports (resolved, report_id);
CREATE INDEX IF NOT EXISTS reports_by_reporter ON reports (reporter_id);
CREATE INDEX IF NOT EXISTS reports_by_author ON reports (post_author_id);
CREATE TABLE IF NOT EXISTS resolutions (
    report_id INTEGER PRIMARY KEY, event_id INTEGER NOT NULL, resolved_by_id INTEGER NOT NULL,
    resolution TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS resolved AFTER INSERT ON resolutions BEGIN
    UPDATE reports SET resolved = 1 WHERE report_id = NEW.report_id;
END;
CREATE TABLE IF NOT EXISTS suspensions (
    account_id INTEGER PRIMARY KEY, event_id INTEGER NOT NULL, by_id INTEGER NOT NULL,
    reason TEXT NOT NULL, live INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS suspended ON suspensions (event_id) WHERE live = 1;
CREATE TABLE IF NOT EXISTS hidden_posts (
    post_id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, event_id INTEGER NOT NULL,
    by_id INTEGER NOT NULL, reason TEXT NOT NULL, live INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS hidden ON hidden_posts (event_id) WHERE live = 1;
CREATE INDEX IF NOT EXISTS hidden_by_author ON hidden_posts (author_id);
CREATE TABLE IF NOT EXISTS audit_log (
    event_id INTEGER PRIMARY KEY, actor_id INTEGER NOT NULL, action TEXT NOT NULL,
    target TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY) WITHOUT ROWID;
"""
_STATEMENTS: Final[Statements] = {
    FileReport: (
        """INSERT OR IGNORE INTO reports SELECT ?1, ?2, ?3, ?4, ?5, ?6,
        EXISTS (SELECT 1 FROM resolutions WHERE report_id = ?1)
        WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id IN (?2, ?4))""",
    ),
    ResolveReport: (
        """INSERT INTO resolutions VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
        SET event_id = excluded.event_id, resolved_by_id = excluded.resolved_by_id,
        resolution = excluded.resolution, version = excluded.version
        WHERE excluded.version > version""",
    ),
    SetSuspension: (
        """INSERT INTO suspensions SELECT ?1, ?2, ?3, ?4, ?5, ?6
        WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?1)
        ON CONFLICT DO UPDATE
        SET event_id = excluded.event_id, by_id = excluded.by_id, reason = excluded.reason,
        live = excluded.live, version = excluded.version WHERE excluded.version > version""",
    ),
    SetHidden: (
        """INSERT INTO hidden_posts SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
        WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?2)
        ON CONFLICT DO UPDATE
        SET event_id = excluded.event_id, by_id = excluded.by_id, reason = excluded.reason,
        live = excluded.live, version = excluded.version WHERE excluded.version > version""",
    ),
    Audit: ("INSERT OR IGNORE INTO audit_log VALUES (?, ?, ?, ?, ?)",),
    DropAccount: (
        "DELETE FROM reports WHERE reporter_id = ?",
        "DELETE FROM reports WHERE post_author_id = ?",
        "DELETE FROM suspensions WHERE account_id = ?",
        "DELETE FROM hidden_posts WHERE author_id = ?",
        "INSERT OR IGNORE INTO dropped_accounts VALUES (?)",
    ),
}
_REPORTS: Final = """SELECT r.report_id, reporter_id, post_id, post_author_id, reason, comment,
event_id, resolved_by_id, resolution FROM reports r LEFT JOIN resolutions USING (report_id)
WHERE resolved = :resolved AND r.report_id > :above AND r.report_id < :below
ORDER BY r.report_id {order} LIMIT :limit"""
_SUSPENSIONS: Final = """SELECT event_id, account_id, by_id, reason FROM suspensions
WHERE live = 1 AND event_id > :above AND event_id < :below ORDER BY event_id {order} LIMIT :limit"""
_HIDDEN: Final = """SELECT event_id, post_id, author_id, by_id, reason FROM hidden_posts
WHERE live = 1 AND event_id > :above AND event_id < :below ORDER BY event_id {order} LIMIT :limit"""
_AUDIT: Final = """SELECT event_id, actor_id, action, target, detail FROM audit_log
WHERE event_id > :above AND event_id < :below ORDER BY event_id {order} LIMIT :limit"""


class SqliteModeration:
    """Implements `projections.moderation.Moderation`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def reports(self, window: Window, limit: int, *, resolved: bool) -> Sequence[Report]:
        """See `Moderation.reports`."""
        rows = self._page(_REPORTS, window, limit, resolved=resolved)
        return [_report(row) for row in rows]

    async def suspensions(self, window: Window, limit: int) -> Sequence[Suspension]:
        """See `Moderation.suspensions`."""
        return [Suspension(*row) for row in self._page(_SUSPENSIONS, window, limit)]

    async def hidden_posts(self, window: Window, limit: int) -> Sequence[HiddenPost]:
        """See `Moderation.hidden_posts`."""
        return [HiddenPost(*row) for row in self._page(_HIDDEN, window, limit)]

    async def audit_log(self, window: Window, limit: int) -> Sequence[AuditEntry]:
        """See `Moderation.audit_log`."""
        return [AuditEntry(*row) for row in self._page(_AUDIT, window, limit)]

    def _page(self, sql: str, window: Window, limit: int, **also: object) -> list[Any]:
        order = "ASC" if window.upwards else "DESC"
        bounds = {"above": window.above, "below": window.below, "limit": limit, **also}
        rows = self._file.reader.execute(sql.format(order=order), bounds).fetchall()
        return rows[::-1] if window.upwards else rows


def _report(row: tuple[Any, ...]) -> Report:
    *filed, event_id, resolved_by_id, resolution = row
    resolved = None if event_id is None else Resolution(event_id, resolved_by_id, resolution)
    return Report._make((*filed, resolved))
