"""Analytics tables in PostgreSQL: who did what, counted up per post, author and tag."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from domain.ids import AccountId, PostId
from infra.postgresql.counting import counted
from infra.postgresql.database import Database, storable
from infra.postgresql.projection_tables import ProjectionTables, Written
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


_ADD: Final = "DO UPDATE SET n = kept.n + excluded.n"
# What happened to a post, by hour.
_COUNT_FOR_POST: Final = f"""INSERT INTO post_hours AS kept
SELECT {{post}}, hour, {{metric}}, sum(sign) FROM changed WHERE {{counts}}
GROUP BY 1, 2, 3 HAVING sum(sign) <> 0 ON CONFLICT (post_id, hour, metric) {_ADD}"""
# The same for its author and its tags, while it lives.
_COUNT_FOR_AUTHOR: Final = f"""INSERT INTO account_hours AS kept
SELECT author_id, hour, metric, sum(sign * n) FROM changed JOIN {{other}} USING (post_id)
GROUP BY 1, 2, 3 HAVING sum(sign * n) <> 0 ON CONFLICT (account_id, hour, metric) {_ADD}"""
_COUNT_FOR_TAGS: Final = f"""INSERT INTO tag_hours AS kept
SELECT tag, hour, metric, sum(sign * n) FROM changed JOIN {{other}} USING (post_id)
CROSS JOIN jsonb_array_elements_text(tags) AS tag
GROUP BY 1, 2, 3 HAVING sum(sign * n) <> 0 ON CONFLICT (tag, hour, metric) {_ADD}"""

# Who did what when.
_DOINGS: Final = (
    """
CREATE TABLE IF NOT EXISTS impressions (
    post_id bigint NOT NULL, event_id bigint NOT NULL, hour integer NOT NULL,
    PRIMARY KEY (post_id, event_id));
CREATE TABLE IF NOT EXISTS answers (
    post_id bigint PRIMARY KEY, target_id bigint NOT NULL, metric text NOT NULL,
    author_id bigint NOT NULL, hour integer NOT NULL);
CREATE INDEX IF NOT EXISTS answers_by_author ON answers (author_id);
CREATE TABLE IF NOT EXISTS reactions (
    target_id bigint NOT NULL, metric text NOT NULL, account_id bigint NOT NULL,
    live boolean NOT NULL, hour integer NOT NULL, version bigint NOT NULL,
    PRIMARY KEY (target_id, metric, account_id));
CREATE INDEX IF NOT EXISTS reactions_by_account ON reactions (account_id);
CREATE TABLE IF NOT EXISTS follows (
    followee_id bigint NOT NULL, follower_id bigint NOT NULL, live boolean NOT NULL,
    hour integer NOT NULL, version bigint NOT NULL, PRIMARY KEY (followee_id, follower_id));
CREATE INDEX IF NOT EXISTS follows_by_follower ON follows (follower_id);
"""
    + counted(
        "impressions",
        _COUNT_FOR_POST.format(post="post_id", metric="'impressions'", counts="true"),
    )
    + counted("answers", _COUNT_FOR_POST.format(post="target_id", metric="metric", counts="true"))
    + counted("reactions", _COUNT_FOR_POST.format(post="target_id", metric="metric", counts="live"))
    + counted(
        "follows",
        f"""INSERT INTO account_hours AS kept
        SELECT followee_id, hour, 'follows', sum(sign) FROM changed WHERE live
        GROUP BY 1, 2, 3 HAVING sum(sign) <> 0 ON CONFLICT (account_id, hour, metric) {_ADD}""",
    )
)
# Posts that live, and the sums over them: a post that comes or goes, or gains or loses a tag,
# takes along what happened to it so far, so it makes no difference which came first.
_SUMS: Final = (
    """
CREATE TABLE IF NOT EXISTS posts (
    post_id bigint PRIMARY KEY, author_id bigint NOT NULL, version bigint NOT NULL,
    tags jsonb NOT NULL);
CREATE INDEX IF NOT EXISTS posts_by_author ON posts (author_id);
CREATE TABLE IF NOT EXISTS dropped_posts (post_id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS post_hours (
    post_id bigint NOT NULL, hour integer NOT NULL, metric text NOT NULL, n bigint NOT NULL,
    PRIMARY KEY (post_id, hour, metric));
CREATE TABLE IF NOT EXISTS account_hours (
    account_id bigint NOT NULL, hour integer NOT NULL, metric text NOT NULL, n bigint NOT NULL,
    PRIMARY KEY (account_id, hour, metric));
CREATE TABLE IF NOT EXISTS tag_hours (
    tag text COLLATE "C" NOT NULL, hour integer NOT NULL, metric text NOT NULL, n bigint NOT NULL,
    PRIMARY KEY (tag, hour, metric));
"""
    + counted(
        "post_hours",
        _COUNT_FOR_AUTHOR.format(other="posts"),
        _COUNT_FOR_TAGS.format(other="posts"),
    )
    + counted(
        "posts",
        _COUNT_FOR_AUTHOR.format(other="post_hours"),
        _COUNT_FOR_TAGS.format(other="post_hours"),
    )
)
_UNLESS_GONE: Final = """
WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_posts d WHERE d.post_id = given.post_id)
AND NOT EXISTS (SELECT 1 FROM {ns}.dropped_accounts WHERE account_id = given.author_id)
"""
_WRITTEN: Final[Mapping[type, Written]] = {
    _DescribedPost: Written(
        "post_id bigint, author_id bigint, version bigint, tags jsonb",
        "post_id",
        (
            f"""INSERT INTO {{ns}}.posts AS kept SELECT * FROM given {_UNLESS_GONE}
            ON CONFLICT (post_id) DO UPDATE SET version = excluded.version, tags = excluded.tags
            WHERE excluded.version > kept.version""",
        ),
    ),
    DropPost: Written(
        "post_id bigint",
        "post_id",
        (
            "DELETE FROM {ns}.posts p USING given WHERE p.post_id = given.post_id",
            "DELETE FROM {ns}.answers a USING given WHERE a.post_id = given.post_id",
            "INSERT INTO {ns}.dropped_posts SELECT * FROM given ON CONFLICT DO NOTHING",
        ),
    ),
    CountImpression: Written(
        "post_id bigint, event_id bigint, hour integer",
        "post_id, event_id",
        ("INSERT INTO {ns}.impressions SELECT * FROM given ON CONFLICT DO NOTHING",),
    ),
    CountPost: Written(
        "target_id bigint, metric text, post_id bigint, author_id bigint, hour integer",
        "post_id",
        (
            f"""INSERT INTO {{ns}}.answers (target_id, metric, post_id, author_id, hour)
            SELECT * FROM given {_UNLESS_GONE} ON CONFLICT DO NOTHING""",
        ),
    ),
    SetReaction: Written(
        "target_id bigint, metric text, account_id bigint, live boolean, hour integer, "
        "version bigint",
        "target_id, metric, account_id",
        (
            """INSERT INTO {ns}.reactions AS kept SELECT * FROM given
            WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_accounts d
            WHERE d.account_id = given.account_id)
            ON CONFLICT (target_id, metric, account_id) DO UPDATE
            SET live = excluded.live, hour = excluded.hour, version = excluded.version
            WHERE excluded.version > kept.version""",
        ),
    ),
    SetFollow: Written(
        "followee_id bigint, follower_id bigint, live boolean, hour integer, version bigint",
        "followee_id, follower_id",
        (
            """INSERT INTO {ns}.follows AS kept SELECT * FROM given
            WHERE NOT EXISTS (SELECT 1 FROM {ns}.dropped_accounts
            WHERE account_id IN (given.followee_id, given.follower_id))
            ON CONFLICT (followee_id, follower_id) DO UPDATE
            SET live = excluded.live, hour = excluded.hour, version = excluded.version
            WHERE excluded.version > kept.version""",
        ),
    ),
    DropAccount: Written(
        "account_id bigint",
        "account_id",
        (
            "DELETE FROM {ns}.posts USING given WHERE author_id = given.account_id",
            "DELETE FROM {ns}.answers USING given WHERE author_id = given.account_id",
            "DELETE FROM {ns}.reactions r USING given WHERE r.account_id = given.account_id",
            "DELETE FROM {ns}.follows USING given WHERE follower_id = given.account_id",
            "DELETE FROM {ns}.follows USING given WHERE followee_id = given.account_id",
            "INSERT INTO {ns}.dropped_accounts SELECT * FROM given ON CONFLICT DO NOTHING",
        ),
    ),
}
_METRICS: Final = Tally._fields[1:]
_SERIES: Final = f"""SELECT (hour / %(hours)s * %(hours)s)::bigint * {BUCKET_MS["hour"]} AS at_ms,
{", ".join(f"coalesce(sum(n) FILTER (WHERE metric = '{one}'), 0)::bigint" for one in _METRICS)}
FROM {{table}} WHERE {{key}} = %(subject)s AND hour >= %(first)s AND hour < %(end)s AND n <> 0
GROUP BY at_ms ORDER BY at_ms"""
_OF_POST: Final = _SERIES.format(
    table="{ns}.posts JOIN {ns}.post_hours USING (post_id)", key="post_id"
)
_OF_ACCOUNT: Final = _SERIES.format(table="{ns}.account_hours", key="account_id")
_OF_TAG: Final = _SERIES.format(table="{ns}.tag_hours", key="tag")


class PostgresqlEngagement:
    """Implements `projections.engagement.Engagement`."""

    def __init__(self, database: Database, namespace: str) -> None:
        self._tables = ProjectionTables(database, namespace, _SUMS + _DOINGS, _WRITTEN)
        self.create, self.drop = self._tables.create, self._tables.drop
        self.claim = self._tables.claim
        self._of_post = self._tables.named(_OF_POST)
        self._of_account = self._tables.named(_OF_ACCOUNT)
        self._of_tag = self._tables.named(_OF_TAG)

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        await self._tables.apply([_row(operation) for operation in operations], checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def post_series(
        self, post_id: PostId, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """See `Engagement.post_series`."""
        return await self._series(self._of_post, post_id, from_ms, to_ms, bucket)

    async def account_series(
        self, account_id: AccountId, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """See `Engagement.account_series`."""
        return await self._series(self._of_account, account_id, from_ms, to_ms, bucket)

    async def tag_series(
        self, key: str, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """See `Engagement.tag_series`."""
        if not storable(key):
            return []
        return await self._series(self._of_tag, key, from_ms, to_ms, bucket)

    async def _series(
        self, sql: str, subject: int | str, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        hour_ms = BUCKET_MS["hour"]
        values = {
            "subject": subject,
            "hours": BUCKET_MS[bucket] // hour_ms,
            "first": bucket_start(from_ms, bucket) // hour_ms,
            "end": bucket_start(to_ms - 1, bucket) // hour_ms + BUCKET_MS[bucket] // hour_ms,
        }
        return [Tally(*row) for row in await self._tables.rows(sql, values)]


def _row(operation: Operation) -> Operation | _DescribedPost:
    if not isinstance(operation, DescribePost):
        return operation
    return _DescribedPost(*operation[:3], orjson.dumps(operation.tags).decode())
