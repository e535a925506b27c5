"""Author timelines in SQLite."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from domain.ids import AccountId
from infra.sqlite.kept_rows import KeptRows
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.author_timelines import (
    AddPost,
    DropAuthor,
    DropPost,
    Operation,
    PostKind,
    SetRepost,
)
from projections.items import Item
from projections.windows import Window

# Some 150 bytes each.
COUNTS_KEPT: Final = 50_000

# Live posts only: what drops a post may come before it, so drops are kept and looked up.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS posts (
    author_id INTEGER NOT NULL, is_reply INTEGER NOT NULL, post_id INTEGER NOT NULL,
    PRIMARY KEY (author_id, is_reply, post_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS public_posts ON posts (post_id) WHERE is_reply = 0;
CREATE TABLE IF NOT EXISTS reposts (
    account_id INTEGER NOT NULL, post_id INTEGER NOT NULL, post_author_id INTEGER NOT NULL,
    item_id INTEGER NOT NULL, live INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (account_id, post_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reposts_by_item ON reposts (account_id, item_id) WHERE live = 1;
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_authors (account_id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts (
    author_id INTEGER PRIMARY KEY, tweets INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS count_in AFTER INSERT ON posts WHEN NEW.is_reply = 0 BEGIN
    INSERT INTO counts VALUES (NEW.author_id, 1)
    ON CONFLICT DO UPDATE SET tweets = tweets + 1;
END;
CREATE TRIGGER IF NOT EXISTS count_out AFTER DELETE ON posts WHEN OLD.is_reply = 0 BEGIN
    UPDATE counts SET tweets = tweets - 1 WHERE author_id = OLD.author_id;
END;
"""
_STATEMENTS: Final[Statements] = {
    AddPost: (
        """INSERT OR IGNORE INTO posts (author_id, post_id, is_reply) SELECT ?1, ?2, ?3
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?2)
        AND NOT EXISTS (SELECT 1 FROM dropped_authors WHERE account_id = ?1)""",
    ),
    DropPost: (
        "DELETE FROM posts WHERE author_id = ?1 AND post_id = ?2 AND is_reply = ?3",
        "INSERT OR IGNORE INTO dropped_posts SELECT ?2 WHERE ?1 > 0 AND ?3 >= 0",
    ),
    SetRepost: (
        """INSERT INTO reposts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
        SET item_id = excluded.item_id, live = excluded.live, version = excluded.version
        WHERE excluded.version > version""",
    ),
    DropAuthor: (
        "DELETE FROM posts WHERE author_id = ?",
        "INSERT OR IGNORE INTO dropped_authors VALUES (?)",
    ),
}
_OWN: Final = """SELECT post_id AS item_id, post_id, author_id, NULL FROM posts
WHERE author_id = :author AND is_reply = {is_reply} AND post_id > :above AND post_id < :below"""
_REPOSTED: Final = """SELECT item_id, post_id, post_author_id, account_id FROM reposts
WHERE account_id = :author AND live = 1 AND item_id > :above AND item_id < :below
AND NOT EXISTS (SELECT 1 FROM dropped_posts d WHERE d.post_id = reposts.post_id)
AND NOT EXISTS (SELECT 1 FROM dropped_authors d
    WHERE d.account_id IN (reposts.account_id, post_author_id))"""
_ARMS: Final[Mapping[PostKind | None, tuple[str, ...]]] = {
    "tweet": (_OWN.format(is_reply=0), _REPOSTED),
    "reply": (_OWN.format(is_reply=1),),
    None: (_OWN.format(is_reply=0), _OWN.format(is_reply=1), _REPOSTED),
}
_COUNTS: Final = """SELECT author_id, tweets
FROM json_each(?) CROSS JOIN counts ON author_id = value"""
_PUBLIC: Final = """SELECT post_id AS item_id, post_id, author_id, NULL FROM posts
WHERE is_reply = 0 AND post_id > :above AND post_id < :below"""


class SqliteAuthorTimelines:
    """Implements `projections.author_timelines.AuthorTimelines`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.kept_tweets = KeptRows(
            self._file, {"counts": "author_id"}, self._read_counts, limit=COUNTS_KEPT
        )
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def page(
        self, author_id: AccountId, kind: PostKind | None, window: Window, limit: int
    ) -> Sequence[Item]:
        """See `AuthorTimelines.page`."""
        return self._page(_ARMS[kind], window, limit, author_id)

    async def public_page(self, window: Window, limit: int) -> Sequence[Item]:
        """See `AuthorTimelines.public_page`."""
        return self._page((_PUBLIC,), window, limit, None)

    async def tweet_counts(self, author_ids: Sequence[AccountId]) -> dict[AccountId, int]:
        """See `AuthorTimelines.tweet_counts`."""
        return self.kept_tweets.get(author_ids)

    def _read_counts(self, author_ids: Collection[AccountId]) -> dict[AccountId, int]:
        wanted = orjson.dumps(list(author_ids))
        return dict(self._file.reader.execute(_COUNTS, (wanted,)))

    def _page(
        self, arms: Sequence[str], window: Window, limit: int, author_id: AccountId | None
    ) -> Sequence[Item]:
        order = "ASC" if window.upwards else "DESC"
        sql = f"{' UNION ALL '.join(arms)} ORDER BY item_id {order} LIMIT :limit"
        bounds = {"author": author_id, "limit": limit, "above": window.above, "below": window.below}
        rows = [Item(*row) for row in self._file.reader.execute(sql, bounds)]
        return rows[::-1] if window.upwards else rows
