"""Trends in PostgreSQL: uses of hashtags, counted up to people per tag and hour."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from domain.ids import AccountId, PostId
from infra.postgresql.counting import counted
from infra.postgresql.database import Database
from infra.postgresql.projection_tables import ProjectionTables, Written
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
_SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS posts (
    post_id bigint PRIMARY KEY, author_id bigint NOT NULL, hour integer NOT NULL,
    version bigint NOT NULL, tags jsonb NOT NULL);
CREATE INDEX IF NOT EXISTS posts_by_author ON posts (author_id);
CREATE TABLE IF NOT EXISTS dropped_posts (post_id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS dropped_authors (account_id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS uses (
    tag text COLLATE "C" NOT NULL, hour integer NOT NULL, author_id bigint NOT NULL,
    posts integer NOT NULL, PRIMARY KEY (tag, hour, author_id));
CREATE TABLE IF NOT EXISTS forms (
    tag text COLLATE "C" NOT NULL, form text COLLATE "C" NOT NULL, posts integer NOT NULL,
    PRIMARY KEY (tag, form));
CREATE TABLE IF NOT EXISTS hours (
    tag text COLLATE "C" NOT NULL, hour integer NOT NULL, people integer NOT NULL,
    posts integer NOT NULL, PRIMARY KEY (tag, hour));
CREATE INDEX IF NOT EXISTS hours_by_people ON hours (hour, people DESC, tag);
CREATE TABLE IF NOT EXISTS days (
    tag text COLLATE "C" NOT NULL, day integer NOT NULL, people integer NOT NULL,
    PRIMARY KEY (tag, day));
"""
    + counted(
        "posts",
        """INSERT INTO uses AS kept SELECT tag, hour, author_id, sum(sign)
        FROM changed CROSS JOIN jsonb_object_keys(tags) AS tag
        GROUP BY tag, hour, author_id HAVING sum(sign) <> 0
        ON CONFLICT (tag, hour, author_id) DO UPDATE SET posts = kept.posts + excluded.posts""",
        """INSERT INTO forms AS kept SELECT tag, form, sum(sign)
        FROM changed CROSS JOIN jsonb_each_text(tags) AS written (tag, form)
        GROUP BY tag, form HAVING sum(sign) <> 0
        ON CONFLICT (tag, form) DO UPDATE SET posts = kept.posts + excluded.posts""",
    )
    + counted(
        "uses",
        """INSERT INTO hours AS kept
        SELECT tag, hour, coalesce(sum(sign) FILTER (WHERE posts > 0), 0), sum(sign * posts)
        FROM changed GROUP BY tag, hour ON CONFLICT (tag, hour) DO UPDATE
        SET people = kept.people + excluded.people, posts = kept.posts + excluded.posts""",
        """INSERT INTO days AS kept SELECT tag, hour / 24, sum(sign) FROM changed WHERE posts > 0
        GROUP BY tag, hour / 24 HAVING sum(sign) <> 0
        ON CONFLICT (tag, day) DO UPDATE SET people = kept.people + excluded.people""",
    )
)
_WRITTEN: Final[Mapping[type, Written]] = {
    _TaggedPost: Written(
        "post_id bigint, author_id bigint, hour integer, version bigint, tags jsonb",
        "post_id",
        (
            """INSERT INTO {ns}.posts AS kept SELECT * FROM given
            WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_posts d WHERE d.post_id = given.post_id)
            AND NOT EXISTS (SELECT 1 FROM {ns}.dropped_authors WHERE account_id = given.author_id)
            ON CONFLICT (post_id) DO UPDATE SET version = excluded.version, tags = excluded.tags
            WHERE excluded.version > kept.version""",
        ),
    ),
    DropPost: Written(
        "post_id bigint",
        "post_id",
        (
            "DELETE FROM {ns}.posts p USING given WHERE p.post_id = given.post_id",
            "INSERT INTO {ns}.dropped_posts SELECT * FROM given ON CONFLICT DO NOTHING",
        ),
    ),
    DropAuthor: Written(
        "account_id bigint",
        "account_id",
        (
            "DELETE FROM {ns}.posts USING given WHERE author_id = given.account_id",
            "INSERT INTO {ns}.dropped_authors SELECT * FROM given ON CONFLICT DO NOTHING",
        ),
    ),
}
_CANDIDATES: Final = f"""WITH candidates AS MATERIALIZED (
    SELECT DISTINCT tag FROM generate_series(0, {RECENT_H - 1}) AS age CROSS JOIN LATERAL (
        SELECT tag FROM {{ns}}.hours WHERE hour = %(hour)s - age AND people > 0
        ORDER BY people DESC, tag LIMIT {CANDIDATES_MAX}) AS most_used)
SELECT tag, sum(posts), sum(people * (%(weights)s::float8[])[%(hour)s - hour + 1] ORDER BY hour), (
    SELECT coalesce(sum(people), 0) FROM {{ns}}.days
    WHERE days.tag = candidates.tag AND day BETWEEN %(first_day)s AND %(last_day)s)
FROM candidates JOIN {{ns}}.hours USING (tag)
WHERE hour BETWEEN %(hour)s - {RECENT_H - 1} AND %(hour)s GROUP BY tag"""
_FORMS: Final = """SELECT DISTINCT ON (tag) tag, form FROM {ns}.forms WHERE tag = ANY(%s)
ORDER BY tag, posts DESC, form"""


class PostgresqlTrends:
    """Implements `projections.trends.Trends`."""

    def __init__(self, database: Database, namespace: str) -> None:
        self._tables = ProjectionTables(database, namespace, _SCHEMA, _WRITTEN)
        self.create, self.drop = self._tables.create, self._tables.drop
        self.claim = self._tables.claim
        self._candidates = self._tables.named(_CANDIDATES)
        self._forms = self._tables.named(_FORMS)

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        await self._tables.apply([_row(operation) for operation in operations], checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def top(self, now_ms: int, limit: int) -> Sequence[Trend]:
        """See `Trends.top`."""
        hour = now_ms // HOUR_MS
        first_recent_day = (hour - RECENT_H + 1) // 24
        values = {
            "hour": hour,
            "weights": list(WEIGHTS),
            "first_day": first_recent_day - USUAL_DAYS,
            "last_day": first_recent_day - 1,
        }
        ranked = []
        for key, posts, recent, week in await self._tables.rows(self._candidates, values):
            usual = week / (USUAL_DAYS * 24) * sum(WEIGHTS)
            ranked.append((-score(recent, usual), key, posts))
        top = sorted(found for found in ranked if found[0] < 0)[:limit]
        written = await self._tables.rows(self._forms, ([key for _, key, _ in top],))
        forms = {key: form for key, form in written}
        return [Trend(forms[key], posts, -minus) for minus, key, posts in top]


def _row(operation: Operation) -> Operation | _TaggedPost:
    if not isinstance(operation, SetTags):
        return operation
    return _TaggedPost(*operation[:4], orjson.dumps(dict(operation.tags)).decode())
