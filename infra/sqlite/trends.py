"""Trends in SQLite: uses of hashtags, counted up to people per tag and hour by triggers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from domain.ids import AccountId, PostId
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.trends import (
    CANDIDATES_MAX,
    HOUR_MS,
    RECENT_H,
    USUAL_DAYS,
    WEIGHTS,
    DropAuthor,
    DropPost,
    Operation,
    SetTags,
    Trend,
    score,
)


class _TaggedPost(NamedTuple):
    """A SetTags as it is stored: the tags are a JSON object, key -> form."""

    post_id: PostId
    author_id: AccountId
    hour: int
    version: int
    tags: str


# A row of 0 posts is left where there were some.
_COUNT_TAGS: Final = """
    INSERT INTO uses SELECT key, NEW.hour, NEW.author_id, 1 FROM json_each(NEW.tags) WHERE true
    ON CONFLICT DO UPDATE SET posts = posts + 1;
    INSERT INTO forms SELECT key, value, 1 FROM json_each(NEW.tags) WHERE true
    ON CONFLICT DO UPDATE SET posts = posts + 1;
"""
_DISCOUNT_TAGS: Final = """
    UPDATE uses SET posts = posts - 1 WHERE hour = OLD.hour AND author_id = OLD.author_id
    AND tag IN (SELECT key FROM json_each(OLD.tags));
    UPDATE forms SET posts = posts - 1
    WHERE (tag, form) IN (SELECT key, value FROM json_each(OLD.tags));
"""
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS posts (
    post_id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, hour INTEGER NOT NULL,
    version INTEGER NOT NULL, tags TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS posts_by_author ON posts (author_id);
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS dropped_authors (account_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS uses (
    tag TEXT NOT NULL, hour INTEGER NOT NULL, author_id INTEGER NOT NULL, posts INTEGER NOT NULL,
    PRIMARY KEY (tag, hour, author_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forms (
    tag TEXT NOT NULL, form TEXT NOT NULL, posts INTEGER NOT NULL,
    PRIMARY KEY (tag, form)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hours (
    tag TEXT NOT NULL, hour INTEGER NOT NULL, people INTEGER NOT NULL, posts INTEGER NOT NULL,
    PRIMARY KEY (tag, hour)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hours_by_people ON hours (hour, people DESC, tag);
CREATE TABLE IF NOT EXISTS days (
    tag TEXT NOT NULL, day INTEGER NOT NULL, people INTEGER NOT NULL,
    PRIMARY KEY (tag, day)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS post_came AFTER INSERT ON posts BEGIN {_COUNT_TAGS} END;
CREATE TRIGGER IF NOT EXISTS post_changed AFTER UPDATE ON posts BEGIN
    {_DISCOUNT_TAGS} {_COUNT_TAGS}
END;
CREATE TRIGGER IF NOT EXISTS post_went AFTER DELETE ON posts BEGIN {_DISCOUNT_TAGS} END;
CREATE TRIGGER IF NOT EXISTS use_came AFTER INSERT ON uses BEGIN
    INSERT INTO hours VALUES (NEW.tag, NEW.hour, 1, NEW.posts)
    ON CONFLICT DO UPDATE SET people = people + 1, posts = posts + excluded.posts;
END;
CREATE TRIGGER IF NOT EXISTS use_changed AFTER UPDATE ON uses BEGIN
    UPDATE hours SET people = people + (NEW.posts > 0) - (OLD.posts > 0),
        posts = posts + NEW.posts - OLD.posts
    WHERE tag = NEW.tag AND hour = NEW.hour;
END;
CREATE TRIGGER IF NOT EXISTS hour_came AFTER INSERT ON hours BEGIN
    INSERT INTO days VALUES (NEW.tag, NEW.hour / 24, NEW.people)
    ON CONFLICT DO UPDATE SET people = people + excluded.people;
END;
CREATE TRIGGER IF NOT EXISTS hour_changed AFTER UPDATE OF people ON hours
WHEN NEW.people <> OLD.people BEGIN
    UPDATE days SET people = people + NEW.people - OLD.people
    WHERE tag = NEW.tag AND day = NEW.hour / 24;
END;
"""  # noqa: S608 - constants
_STATEMENTS: Final[Statements] = {
    _TaggedPost: (
        """INSERT INTO posts SELECT ?1, ?2, ?3, ?4, ?5
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM dropped_authors WHERE account_id = ?2)
        ON CONFLICT DO UPDATE SET version = excluded.version, tags = excluded.tags
        WHERE excluded.version > version""",
    ),
    DropPost: (
        "DELETE FROM posts WHERE post_id = ?",
        "INSERT OR IGNORE INTO dropped_posts VALUES (?)",
    ),
    DropAuthor: (
        "DELETE FROM posts WHERE author_id = ?",
        "INSERT OR IGNORE INTO dropped_authors VALUES (?)",
    ),
}
_MOST_USED: Final = f"""SELECT tag FROM (SELECT tag FROM hours
WHERE hour = :hour - {{age}} AND people > 0 ORDER BY people DESC, tag LIMIT {CANDIDATES_MAX})"""  # noqa: S608 - constants
_CANDIDATES: Final = f"""WITH
weights (age, weight) AS MATERIALIZED (SELECT key, value FROM json_each(:weights)),
candidates (tag) AS MATERIALIZED (
    {" UNION ".join(_MOST_USED.format(age=age) for age in range(RECENT_H))})
SELECT tag, sum(posts), sum(people * weight), (
    SELECT total(people) FROM days
    WHERE days.tag = candidates.tag AND day BETWEEN :first_day AND :last_day)
FROM candidates CROSS JOIN weights CROSS JOIN hours USING (tag)
WHERE hours.hour = :hour - age GROUP BY tag"""  # noqa: S608 - constants
_FORMS: Final = """SELECT value, (
    SELECT form FROM forms WHERE tag = value ORDER BY posts DESC, form LIMIT 1)
FROM json_each(?)"""


class SqliteTrends:
    """Implements `projections.trends.Trends`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply([_row(operation) for operation in operations], checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def top(self, now_ms: int, limit: int) -> Sequence[Trend]:
        """See `Trends.top`."""
        hour = now_ms // HOUR_MS
        first_recent_day = (hour - RECENT_H + 1) // 24
        values = {
            "hour": hour,
            "weights": orjson.dumps(WEIGHTS),
            "first_day": first_recent_day - USUAL_DAYS,
            "last_day": first_recent_day - 1,
        }
        ranked = []
        for key, posts, recent, week in self._file.reader.execute(_CANDIDATES, values):
            usual = week / (USUAL_DAYS * 24) * sum(WEIGHTS)
            ranked.append((-score(recent, usual), key, posts))
        top = sorted(found for found in ranked if found[0] < 0)[:limit]
        forms = dict(self._file.reader.execute(_FORMS, (orjson.dumps([t[1] for t in top]),)))
        return [Trend(forms[key], posts, -minus) for minus, key, posts in top]


def _row(operation: Operation) -> Operation | _TaggedPost:
    if not isinstance(operation, SetTags):
        return operation
    return _TaggedPost(*operation[:4], orjson.dumps(dict(operation.tags)).decode())
