"""Analytics tables in SQLite: who did what, counted up per post, author and tag by triggers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from domain.ids import AccountId, PostId
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.engagement import (
    BUCKET_MS,
    Bucket,
    CountImpression,
    CountPost,
    DescribePost,
    DropAccount,
    DropPost,
    Operation,
    SetFollow,
    SetReaction,
    Tally,
    bucket_start,
)


class _DescribedPost(NamedTuple):
    """A DescribePost as it is stored: the tags are a JSON array."""

    post_id: PostId
    author_id: AccountId
    version: int
    tags: str


# Who did what when, each with the triggers that keep the counts equal to it.
_DOINGS: Final = """
CREATE TABLE IF NOT EXISTS impressions (
    post_id INTEGER NOT NULL, event_id INTEGER NOT NULL, hour INTEGER NOT NULL,
    PRIMARY KEY (post_id, event_id)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS impression_came AFTER INSERT ON impressions BEGIN
    INSERT INTO post_hours VALUES (NEW.post_id, NEW.hour, 'impressions', 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TABLE IF NOT EXISTS answers (
    post_id INTEGER PRIMARY KEY, target_id INTEGER NOT NULL, metric TEXT NOT NULL,
    author_id INTEGER NOT NULL, hour INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS answers_by_author ON answers (author_id);
CREATE TRIGGER IF NOT EXISTS answer_came AFTER INSERT ON answers BEGIN
    INSERT INTO post_hours VALUES (NEW.target_id, NEW.hour, NEW.metric, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS answer_went AFTER DELETE ON answers BEGIN
    UPDATE post_hours SET n = n - 1
    WHERE post_id = OLD.target_id AND hour = OLD.hour AND metric = OLD.metric;
END;
CREATE TABLE IF NOT EXISTS reactions (
    target_id INTEGER NOT NULL, metric TEXT NOT NULL, account_id INTEGER NOT NULL,
    live INTEGER NOT NULL, hour INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (target_id, metric, account_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reactions_by_account ON reactions (account_id);
CREATE TRIGGER IF NOT EXISTS reaction_came AFTER INSERT ON reactions WHEN NEW.live BEGIN
    INSERT INTO post_hours VALUES (NEW.target_id, NEW.hour, NEW.metric, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS reaction_changed AFTER UPDATE ON reactions BEGIN
    UPDATE post_hours SET n = n - 1 WHERE OLD.live
    AND post_id = OLD.target_id AND hour = OLD.hour AND metric = OLD.metric;
    INSERT INTO post_hours SELECT NEW.target_id, NEW.hour, NEW.metric, 1 WHERE NEW.live
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS reaction_went AFTER DELETE ON reactions WHEN OLD.live BEGIN
    UPDATE post_hours SET n = n - 1
    WHERE post_id = OLD.target_id AND hour = OLD.hour AND metric = OLD.metric;
END;
CREATE TABLE IF NOT EXISTS follows (
    followee_id INTEGER NOT NULL, follower_id INTEGER NOT NULL, live INTEGER NOT NULL,
    hour INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (followee_id, follower_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS follows_by_follower ON follows (follower_id);
CREATE TRIGGER IF NOT EXISTS follow_came AFTER INSERT ON follows WHEN NEW.live BEGIN
    INSERT INTO account_hours VALUES (NEW.followee_id, NEW.hour, 'follows', 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS follow_changed AFTER UPDATE ON follows BEGIN
    UPDATE account_hours SET n = n - 1 WHERE OLD.live
    AND account_id = OLD.followee_id AND hour = OLD.hour AND metric = 'follows';
    INSERT INTO account_hours SELECT NEW.followee_id, NEW.hour, 'follows', 1 WHERE NEW.live
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS follow_went AFTER DELETE ON follows WHEN OLD.live BEGIN
    UPDATE account_hours SET n = n - 1
    WHERE account_id = OLD.followee_id AND hour = OLD.hour AND metric = 'follows';
END;
"""
# Posts that live, and the sums over them: a post that comes or goes, or gains or loses a tag,
# takes along what happened to it so far, so it makes no difference which came first.
_SUMS: Final = """
CREATE TABLE IF NOT EXISTS posts (
    post_id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, version INTEGER NOT NULL,
    tags TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS posts_by_author ON posts (author_id);
CREATE TABLE IF NOT EXISTS post_tags (
    post_id INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (post_id, tag)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS post_hours (
    post_id INTEGER NOT NULL, hour INTEGER NOT NULL, metric TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (post_id, hour, metric)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account_hours (
    account_id INTEGER NOT NULL, hour INTEGER NOT NULL, metric TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (account_id, hour, metric)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tag_hours (
    tag TEXT NOT NULL, hour INTEGER NOT NULL, metric TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (tag, hour, metric)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS post_came AFTER INSERT ON posts BEGIN
    INSERT INTO account_hours
    SELECT NEW.author_id, hour, metric, n FROM post_hours WHERE post_id = NEW.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
    INSERT INTO post_tags SELECT NEW.post_id, value FROM json_each(NEW.tags);
END;
CREATE TRIGGER IF NOT EXISTS post_changed AFTER UPDATE ON posts BEGIN
    DELETE FROM post_tags WHERE post_id = OLD.post_id;
    INSERT INTO post_tags SELECT NEW.post_id, value FROM json_each(NEW.tags);
END;
CREATE TRIGGER IF NOT EXISTS post_went AFTER DELETE ON posts BEGIN
    DELETE FROM post_tags WHERE post_id = OLD.post_id;
    INSERT INTO account_hours
    SELECT OLD.author_id, hour, metric, -n FROM post_hours WHERE post_id = OLD.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
CREATE TRIGGER IF NOT EXISTS tag_came AFTER INSERT ON post_tags BEGIN
    INSERT INTO tag_hours
    SELECT NEW.tag, hour, metric, n FROM post_hours WHERE post_id = NEW.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
CREATE TRIGGER IF NOT EXISTS tag_went AFTER DELETE ON post_tags BEGIN
    INSERT INTO tag_hours
    SELECT OLD.tag, hour, metric, -n FROM post_hours WHERE post_id = OLD.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
CREATE TRIGGER IF NOT EXISTS hour_came AFTER INSERT ON post_hours BEGIN
    INSERT INTO account_hours
    SELECT author_id, NEW.hour, NEW.metric, NEW.n FROM posts WHERE post_id = NEW.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
    INSERT INTO tag_hours
    SELECT tag, NEW.hour, NEW.metric, NEW.n FROM post_tags WHERE post_id = NEW.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
CREATE TRIGGER IF NOT EXISTS hour_changed AFTER UPDATE ON post_hours BEGIN
    INSERT INTO account_hours
    SELECT author_id, NEW.hour, NEW.metric, NEW.n - OLD.n FROM posts WHERE post_id = NEW.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
    INSERT INTO tag_hours
    SELECT tag, NEW.hour, NEW.metric, NEW.n - OLD.n FROM post_tags WHERE post_id = NEW.post_id
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
"""
_STATEMENTS: Final[Statements] = {
    _DescribedPost: (
        """INSERT INTO posts SELECT ?1, ?2, ?3, ?4
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?2)
        ON CONFLICT DO UPDATE SET version = excluded.version, tags = excluded.tags
        WHERE excluded.version > version""",
    ),
    DropPost: (
        "DELETE FROM posts WHERE post_id = ?",
        "DELETE FROM answers WHERE post_id = ?",
        "INSERT OR IGNORE INTO dropped_posts VALUES (?)",
    ),
    CountImpression: ("INSERT INTO impressions VALUES (?, ?, ?) ON CONFLICT DO NOTHING",),
    CountPost: (
        """INSERT INTO answers (target_id, metric, post_id, author_id, hour)
        SELECT ?1, ?2, ?3, ?4, ?5
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?3)
        AND NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?4)
        ON CONFLICT DO NOTHING""",
    ),
    SetReaction: (
        """INSERT INTO reactions SELECT ?1, ?2, ?3, ?4, ?5, ?6
        WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?3)
        ON CONFLICT DO UPDATE
        SET live = excluded.live, hour = excluded.hour, version = excluded.version
        WHERE excluded.version > version""",
    ),
    SetFollow: (
        """INSERT INTO follows SELECT ?1, ?2, ?3, ?4, ?5
        WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id IN (?1, ?2))
        ON CONFLICT DO UPDATE
        SET live = excluded.live, hour = excluded.hour, version = excluded.version
        WHERE excluded.version > version""",
    ),
    DropAccount: (
        "DELETE FROM posts WHERE author_id = ?",
        "DELETE FROM answers WHERE author_id = ?",
        "DELETE FROM reactions WHERE account_id = ?",
        "DELETE FROM follows WHERE follower_id = ?1 OR followee_id = ?1",
        "INSERT OR IGNORE INTO dropped_accounts VALUES (?)",
    ),
}
_METRICS: Final = Tally._fields[1:]
_SERIES: Final = f"""SELECT hour / :hours * :hours * {BUCKET_MS["hour"]} AS at_ms,
{", ".join(f"sum(iif(metric = '{metric}', n, 0))" for metric in _METRICS)}
FROM {{table}} WHERE {{key}} = :subject AND hour >= :first AND hour < :end AND n <> 0
GROUP BY at_ms ORDER BY at_ms"""  # noqa: S608 - constants
_OF_POST: Final = _SERIES.format(table="posts CROSS JOIN post_hours USING (post_id)", key="post_id")
_OF_ACCOUNT: Final = _SERIES.format(table="account_hours", key="account_id")
_OF_TAG: Final = _SERIES.format(table="tag_hours", key="tag")


class SqliteEngagement:
    """Implements `projections.engagement.Engagement`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SUMS + _DOINGS, _STATEMENTS)
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply([_row(operation) for operation in operations], checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def post_series(
        self, post_id: PostId, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """See `Engagement.post_series`."""
        return self._series(_OF_POST, post_id, from_ms, to_ms, bucket)

    async def account_series(
        self, account_id: AccountId, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """See `Engagement.account_series`."""
        return self._series(_OF_ACCOUNT, account_id, from_ms, to_ms, bucket)

    async def tag_series(
        self, key: str, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """See `Engagement.tag_series`."""
        return self._series(_OF_TAG, key, from_ms, to_ms, bucket)

    def _series(
        self, sql: str, subject: int | str, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        hour_ms = BUCKET_MS["hour"]
        values = {
            "subject": subject,
            "hours": BUCKET_MS[bucket] // hour_ms,
            "first": bucket_start(from_ms, bucket) // hour_ms,
            "end": bucket_start(to_ms - 1, bucket) // hour_ms + BUCKET_MS[bucket] // hour_ms,
        }
        return [Tally(*row) for row in self._file.reader.execute(sql, values)]


def _row(operation: Operation) -> Operation | _DescribedPost:
    if not isinstance(operation, DescribePost):
        return operation
    return _DescribedPost(*operation[:3], orjson.dumps(operation.tags).decode())
