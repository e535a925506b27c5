"""Moderation in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.postgresql.database import Database, Row
from infra.postgresql.projection_tables import ProjectionTables, Written
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

# A report and its resolution come in any order, so each has its own table; a report knows whether
# it is resolved, so that neither list has to skip over the other's.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS reports (
    report_id bigint PRIMARY KEY, reporter_id bigint NOT NULL, post_id bigint NOT NULL,
    post_author_id bigint NOT NULL, reason text NOT NULL, comment text NOT NULL,
    resolved boolean NOT NULL);
CREATE INDEX IF NOT EXISTS reports_by_state ON reports (resolved, report_id);
CREATE INDEX IF NOT EXISTS reports_by_reporter ON reports (reporter_id);
CREATE INDEX IF NOT EXISTS reports_by_author ON reports (post_author_id);
CREATE TABLE IF NOT EXISTS resolutions (
    report_id bigint PRIMARY KEY, event_id bigint NOT NULL, resolved_by_id bigint NOT NULL,
    resolution text NOT NULL, version bigint NOT NULL);
CREATE TABLE IF NOT EXISTS suspensions (
    account_id bigint PRIMARY KEY, event_id bigint NOT NULL, by_id bigint NOT NULL,
    reason text NOT NULL, live boolean NOT NULL, version bigint NOT NULL);
CREATE INDEX IF NOT EXISTS suspended ON suspensions (event_id) WHERE live;
CREATE TABLE IF NOT EXISTS hidden_posts (
    post_id bigint PRIMARY KEY, author_id bigint NOT NULL, event_id bigint NOT NULL,
    by_id bigint NOT NULL, reason text NOT NULL, live boolean NOT NULL, version bigint NOT NULL);
CREATE INDEX IF NOT EXISTS hidden ON hidden_posts (event_id) WHERE live;
CREATE INDEX IF NOT EXISTS hidden_by_author ON hidden_posts (author_id);
CREATE TABLE IF NOT EXISTS audit_log (
    event_id bigint PRIMARY KEY, actor_id bigint NOT NULL, action text NOT NULL,
    target text NOT NULL, detail text NOT NULL);
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id bigint PRIMARY KEY);
"""
_WRITTEN: Final[Mapping[type, Written]] = {
    FileReport: Written(
        "report_id bigint, reporter_id bigint, post_id bigint, post_author_id bigint, "
        "reason text, comment text",
        "report_id",
        (
            """INSERT INTO {ns}.reports SELECT *,
            EXISTS (SELECT 1 FROM {ns}.resolutions s WHERE s.report_id = given.report_id)
            FROM given WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_accounts
            WHERE account_id IN (given.reporter_id, given.post_author_id))
            ON CONFLICT DO NOTHING""",
        ),
    ),
    ResolveReport: Written(
        "report_id bigint, event_id bigint, resolved_by_id bigint, resolution text, version bigint",
        "report_id",
        (
            """INSERT INTO {ns}.resolutions AS kept SELECT * FROM given
            ON CONFLICT (report_id) DO UPDATE
            SET event_id = excluded.event_id, resolved_by_id = excluded.resolved_by_id,
            resolution = excluded.resolution, version = excluded.version
            WHERE excluded.version > kept.version""",
            """UPDATE {ns}.reports r SET resolved = true FROM given
            WHERE r.report_id = given.report_id AND NOT r.resolved""",
        ),
    ),
    SetSuspension: Written(
        "account_id bigint, event_id bigint, by_id bigint, reason text, live boolean, "
        "version bigint",
        "account_id",
        (
            """INSERT INTO {ns}.suspensions AS kept SELECT * FROM given
            WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_accounts d
            WHERE d.account_id = given.account_id)
            ON CONFLICT (account_id) DO UPDATE
            SET event_id = excluded.event_id, by_id = excluded.by_id, reason = excluded.reason,
            live = excluded.live, version = excluded.version
            WHERE excluded.version > kept.version""",
        ),
    ),
    SetHidden: Written(
        "post_id bigint, author_id bigint, event_id bigint, by_id bigint, reason text, "
        "live boolean, version bigint",
        "post_id",
        (
            """INSERT INTO {ns}.hidden_posts AS kept SELECT * FROM given
            WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_accounts d
            WHERE d.account_id = given.author_id)
            ON CONFLICT (post_id) DO UPDATE
            SET event_id = excluded.event_id, by_id = excluded.by_id, reason = excluded.reason,
            live = excluded.live, version = excluded.version
            WHERE excluded.version > kept.version""",
        ),
    ),
    Audit: Written(
        "event_id bigint, actor_id bigint, action text, target text, detail text",
        "event_id",
        ("INSERT INTO {ns}.audit_log SELECT * FROM given ON CONFLICT DO NOTHING",),
    ),
    DropAccount: Written(
        "account_id bigint",
        "account_id",
        (
            "DELETE FROM {ns}.reports USING given WHERE reporter_id = given.account_id",
            "DELETE FROM {ns}.reports USING given WHERE post_author_id = given.account_id",
            "DELETE FROM {ns}.suspensions s USING given WHERE s.account_id = given.account_id",
            "DELETE FROM {ns}.hidden_posts USING given WHERE author_id = given.account_id",
            "INSERT INTO {ns}.dropped_accounts SELECT * FROM given ON CONFLICT DO NOTHING",
        ),
    ),
}
_REPORTS: Final = """SELECT r.report_id, reporter_id, post_id, post_author_id, reason, comment,
event_id, resolved_by_id, resolution
FROM {ns}.reports r LEFT JOIN {ns}.resolutions USING (report_id)
WHERE resolved = %s AND r.report_id > %s AND r.report_id < %s
ORDER BY r.report_id {order} LIMIT %s"""
_SUSPENSIONS: Final = """SELECT event_id, account_id, by_id, reason FROM {ns}.suspensions
WHERE live AND event_id > %s AND event_id < %s ORDER BY event_id {order} LIMIT %s"""
_HIDDEN: Final = """SELECT event_id, post_id, author_id, by_id, reason FROM {ns}.hidden_posts
WHERE live AND event_id > %s AND event_id < %s ORDER BY event_id {order} LIMIT %s"""
_AUDIT: Final = """SELECT event_id, actor_id, action, target, detail FROM {ns}.audit_log
WHERE event_id > %s AND event_id < %s ORDER BY event_id {order} LIMIT %s"""


class PostgresqlModeration:
    """Implements `projections.moderation.Moderation`."""

    def __init__(self, database: Database, namespace: str) -> None:
        self._tables = ProjectionTables(database, namespace, _SCHEMA, _WRITTEN)
        self.create, self.drop = self._tables.create, self._tables.drop
        self.claim = self._tables.claim

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        await self._tables.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def reports(self, window: Window, limit: int, *, resolved: bool) -> Sequence[Report]:
        """See `Moderation.reports`."""
        return [_report(row) for row in await self._page(_REPORTS, window, limit, resolved)]

    async def suspensions(self, window: Window, limit: int) -> Sequence[Suspension]:
        """See `Moderation.suspensions`."""
        return [Suspension(*row) for row in await self._page(_SUSPENSIONS, window, limit)]

    async def hidden_posts(self, window: Window, limit: int) -> Sequence[HiddenPost]:
        """See `Moderation.hidden_posts`."""
        return [HiddenPost(*row) for row in await self._page(_HIDDEN, window, limit)]

    async def audit_log(self, window: Window, limit: int) -> Sequence[AuditEntry]:
        """See `Moderation.audit_log`."""
        return [AuditEntry(*row) for row in await self._page(_AUDIT, window, limit)]

    async def _page(self, sql: str, window: Window, limit: int, *first: Any) -> list[Row]:
        order = "ASC" if window.upwards else "DESC"
        ordered = self._tables.named(sql.replace("{order}", order))
        rows = await self._tables.rows(ordered, (*first, window.above, window.below, limit))
        return rows[::-1] if window.upwards else rows


def _report(row: Row) -> Report:
    *filed, event_id, resolved_by_id, resolution = row
    resolved = None if event_id is None else Resolution(event_id, resolved_by_id, resolution)
    return Report._make((*filed, resolved))
