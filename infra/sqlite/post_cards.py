"""Post cards in SQLite."""

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from domain.ids import ID_MAX, AccountId, EventId, PostId, millis_of
from domain.objects import PostCounts, PostViewer, post_members
from infra.sqlite.kept_rows import KeptRows
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.post_cards import (
    AddPost,
    Bookmark,
    Card,
    DropAccount,
    DropPost,
    EditPost,
    Operation,
    PostVersion,
    Reaction,
    SetBookmark,
    SetLike,
    SetRepost,
    counts_json,
)

# Some 1.5 kB each.
CARDS_KEPT: Final = 30_000
# Readers, and what they did with the newest posts that they did anything with: 70 bytes for each.
READERS_KEPT: Final = 20_000
DOINGS_KEPT: Final = 64

# Live posts only; what drops a post may come before it, so drops are kept and looked up.
# What an account did with a post is one row, so that a reader's page costs one look-up per post;
# a register holds the id of its event, negative where that event took the reaction away.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS posts (
    post_id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL,
    in_reply_to_id INTEGER, in_reply_to_author_id INTEGER, conversation_id INTEGER NOT NULL,
    quote_of_id INTEGER, quote_of_author_id INTEGER, version INTEGER NOT NULL,
    birth BLOB NOT NULL, text BLOB NOT NULL, edited BLOB);
CREATE INDEX IF NOT EXISTS posts_by_author ON posts (author_id);
CREATE TABLE IF NOT EXISTS edits (
    post_id INTEGER NOT NULL, author_id INTEGER NOT NULL, version INTEGER NOT NULL,
    event_id INTEGER NOT NULL, text BLOB NOT NULL, PRIMARY KEY (post_id, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS edits_by_author ON edits (author_id);
CREATE TABLE IF NOT EXISTS reactions (
    account_id INTEGER NOT NULL, post_id INTEGER NOT NULL, liked INTEGER NOT NULL DEFAULT 0,
    reposted INTEGER NOT NULL DEFAULT 0, bookmarked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, post_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS likes ON reactions (post_id, liked) WHERE liked > 0;
CREATE INDEX IF NOT EXISTS reposts ON reactions (post_id, reposted) WHERE reposted > 0;
CREATE INDEX IF NOT EXISTS bookmarks ON reactions (account_id, bookmarked) WHERE bookmarked > 0;
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS counts (
    post_id INTEGER PRIMARY KEY, replies INTEGER NOT NULL, reposts INTEGER NOT NULL,
    likes INTEGER NOT NULL, quotes INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS reply_in AFTER INSERT ON posts WHEN NEW.in_reply_to_id > 0 BEGIN
    INSERT INTO counts VALUES (NEW.in_reply_to_id, 1, 0, 0, 0)
    ON CONFLICT DO UPDATE SET replies = replies + 1;
END;
CREATE TRIGGER IF NOT EXISTS reply_out AFTER DELETE ON posts WHEN OLD.in_reply_to_id > 0 BEGIN
    UPDATE counts SET replies = replies - 1 WHERE post_id = OLD.in_reply_to_id;
END;
CREATE TRIGGER IF NOT EXISTS quote_in AFTER INSERT ON posts WHEN NEW.quote_of_id > 0 BEGIN
    INSERT INTO counts VALUES (NEW.quote_of_id, 0, 0, 0, 1)
    ON CONFLICT DO UPDATE SET quotes = quotes + 1;
END;
CREATE TRIGGER IF NOT EXISTS quote_out AFTER DELETE ON posts WHEN OLD.quote_of_id > 0 BEGIN
    UPDATE counts SET quotes = quotes - 1 WHERE post_id = OLD.quote_of_id;
END;
CREATE TRIGGER IF NOT EXISTS reaction_in AFTER INSERT ON reactions
WHEN NEW.liked > 0 OR NEW.reposted > 0 BEGIN
    INSERT INTO counts VALUES (NEW.post_id, 0, NEW.reposted > 0, NEW.liked > 0, 0)
    ON CONFLICT DO UPDATE
    SET reposts = reposts + excluded.reposts, likes = likes + excluded.likes;
END;
CREATE TRIGGER IF NOT EXISTS reaction_turned AFTER UPDATE OF liked, reposted ON reactions
WHEN (OLD.liked > 0) <> (NEW.liked > 0) OR (OLD.reposted > 0) <> (NEW.reposted > 0) BEGIN
    INSERT INTO counts VALUES (NEW.post_id, 0, (NEW.reposted > 0) - (OLD.reposted > 0),
        (NEW.liked > 0) - (OLD.liked > 0), 0)
    ON CONFLICT DO UPDATE
    SET reposts = reposts + excluded.reposts, likes = likes + excluded.likes;
END;
CREATE TRIGGER IF NOT EXISTS reaction_out AFTER DELETE ON reactions
WHEN OLD.liked > 0 OR OLD.reposted > 0 BEGIN
    UPDATE counts SET reposts = reposts - (OLD.reposted > 0), likes = likes - (OLD.liked > 0)
    WHERE post_id = OLD.post_id;
END;
"""
_SET: Final = """INSERT INTO reactions (account_id, post_id, {register})
SELECT ?1, ?2, iif(?4, ?3, -?3)
WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?1)
ON CONFLICT DO UPDATE SET {register} = excluded.{register}
WHERE abs(excluded.{register}) > abs({register})"""
_STATEMENTS: Final[Statements] = {
    AddPost: (
        """INSERT INTO posts SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7,
        coalesce((SELECT max(version) FROM edits WHERE post_id = ?1), 1), ?8, ?9,
        (SELECT text FROM edits WHERE post_id = ?1 ORDER BY version DESC LIMIT 1)
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?2)
        ON CONFLICT DO NOTHING""",
    ),
    EditPost: (
        """INSERT INTO edits SELECT ?1, ?2, ?3, ?4, ?5
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?2)
        ON CONFLICT DO NOTHING""",
        "UPDATE posts SET version = ?3, edited = ?5 WHERE post_id = ?1 AND version < ?3",
    ),
    DropPost: (
        "DELETE FROM posts WHERE post_id = ?",
        "DELETE FROM edits WHERE post_id = ?",
        "INSERT INTO dropped_posts VALUES (?) ON CONFLICT DO NOTHING",
    ),
    SetLike: (_SET.format(register="liked"),),
    SetRepost: (_SET.format(register="reposted"),),
    SetBookmark: (_SET.format(register="bookmarked"),),
    DropAccount: (
        "DELETE FROM posts WHERE author_id = ?",
        "DELETE FROM edits WHERE author_id = ?",
        "DELETE FROM reactions WHERE account_id = ?",
        "INSERT INTO dropped_accounts VALUES (?) ON CONFLICT DO NOTHING",
    ),
}
_CARDS: Final = """SELECT p.post_id, author_id, in_reply_to_id, in_reply_to_author_id,
conversation_id, quote_of_id, quote_of_author_id, version, birth, coalesce(edited, text),
coalesce(replies, 0), coalesce(reposts, 0), coalesce(likes, 0), coalesce(quotes, 0)
FROM json_each(?) AS wanted CROSS JOIN posts AS p ON p.post_id = wanted.value
LEFT JOIN counts ON counts.post_id = p.post_id"""
_DONE_LAST: Final = """SELECT post_id,
(liked > 0) * 4 + (reposted > 0) * 2 + (bookmarked > 0) FROM reactions
WHERE account_id = ? ORDER BY post_id DESC LIMIT ?"""
_DONE_WITH: Final = """SELECT post_id,
(liked > 0) * 4 + (reposted > 0) * 2 + (bookmarked > 0)
FROM json_each(?2) AS wanted CROSS JOIN reactions ON account_id = ?1 AND post_id = wanted.value"""
# What the reader did with a post as JSON, by the number that these make of it.
_VIEWERS: Final = tuple(
    msgspec.json.encode(PostViewer(*did)) for did in product((False, True), repeat=3)
)
_COUNTS: Final = """SELECT replies, reposts, likes, quotes
FROM posts JOIN counts USING (post_id) WHERE post_id = ?"""
_HISTORY: Final = """SELECT 1 AS version, post_id AS written, text FROM posts
WHERE post_id = :post AND :after < 1
UNION ALL SELECT version, event_id, text FROM edits
WHERE post_id = :post AND version > :after
AND EXISTS (SELECT 1 FROM posts WHERE post_id = :post)
ORDER BY version LIMIT :limit"""
_WHO: Final = """SELECT {register}, account_id FROM reactions INDEXED BY {index}
WHERE post_id = :post AND {register} > 0 AND {register} < :before
AND EXISTS (SELECT 1 FROM posts WHERE post_id = :post)
ORDER BY {register} DESC LIMIT :limit"""
_LIKERS: Final = _WHO.format(register="liked", index="likes")
_REPOSTERS: Final = _WHO.format(register="reposted", index="reposts")
_BOOKMARKS: Final = """SELECT bookmarked, post_id FROM reactions INDEXED BY bookmarks
WHERE account_id = :account AND bookmarked > 0 AND bookmarked < :before
AND EXISTS (SELECT 1 FROM posts WHERE posts.post_id = reactions.post_id)
ORDER BY bookmarked DESC LIMIT :limit"""


def _card(*row: Any) -> Card:
    *fields, birth, text, replies, reposts, likes, quotes = row
    members = post_members(birth, text, counts_json(replies, reposts, likes, quotes))
    return Card._make((*fields, members, _VIEWERS[0]))


class _Doings(NamedTuple):
    """What a reader did with posts above `floor`: all of it."""

    floor: int
    with_posts: Mapping[PostId, int]


class SqlitePostCards:
    """Implements `projections.post_cards.PostCards`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self._kept = KeptRows(
            self._file, {"posts": "post_id", "counts": "post_id"}, self._cards, limit=CARDS_KEPT
        )
        self._kept_doings: KeptRows[AccountId, _Doings] = KeptRows(
            self._file, {"reactions": "account_id"}, self._last_doings, limit=READERS_KEPT
        )
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def cards(
        self, post_ids: Sequence[PostId], reader_id: AccountId | None
    ) -> Mapping[PostId, Card]:
        """See `PostCards.cards`."""
        cards = self._kept.get(post_ids)
        if reader_id is not None and cards:
            done = self._done(reader_id, cards)
            for post_id in done.keys() & cards.keys() if done else ():
                cards[post_id] = cards[post_id]._replace(viewer=_VIEWERS[done[post_id]])
        return cards

    async def counts(self, post_id: PostId) -> PostCounts:
        """See `PostCards.counts`."""
        row = self._file.reader.execute(_COUNTS, (post_id,)).fetchone()
        return PostCounts(*row) if row else PostCounts()

    async def history(
        self, post_id: PostId, limit: int, *, after: int = 0
    ) -> Sequence[PostVersion]:
        """See `PostCards.history`."""
        bounds = {"post": post_id, "after": after, "limit": limit}
        rows = self._file.reader.execute(_HISTORY, bounds)
        return [PostVersion(version, millis_of(event_id), text) for version, event_id, text in rows]

    async def likers(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """See `PostCards.likers`."""
        return self._who(_LIKERS, post_id, limit, before)

    async def reposters(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """See `PostCards.reposters`."""
        return self._who(_REPOSTERS, post_id, limit, before)

    async def bookmarks(
        self, account_id: AccountId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Bookmark]:
        """See `PostCards.bookmarks`."""
        bounds = {"account": account_id, "before": before or ID_MAX, "limit": limit}
        return [Bookmark(*row) for row in self._file.reader.execute(_BOOKMARKS, bounds)]

    def _cards(self, post_ids: Collection[PostId]) -> dict[PostId, Card]:
        """As they are for nobody."""
        rows = self._file.reader.execute(_CARDS, (orjson.dumps(list(post_ids)),))
        return {row[0]: _card(*row) for row in rows}

    def _done(self, reader_id: AccountId, post_ids: Collection[PostId]) -> Mapping[PostId, int]:
        """What the reader did with the posts, and perhaps with others."""
        doings = self._kept_doings.get((reader_id,))[reader_id]
        if not doings.floor or doings.floor < min(post_ids):
            return doings.with_posts
        wanted = orjson.dumps(list(post_ids))
        return dict(self._file.reader.execute(_DONE_WITH, (reader_id, wanted)))

    def _last_doings(self, reader_ids: Collection[AccountId]) -> dict[AccountId, _Doings]:
        return {reader_id: self._doings_of(reader_id) for reader_id in reader_ids}

    def _doings_of(self, reader_id: AccountId) -> _Doings:
        done = dict(self._file.reader.execute(_DONE_LAST, (reader_id, DOINGS_KEPT)))
        return _Doings(min(done) if len(done) == DOINGS_KEPT else 0, done)

    def _who(
        self, sql: str, post_id: PostId, limit: int, before: EventId | None
    ) -> Sequence[Reaction]:
        bounds = {"post": post_id, "before": before or ID_MAX, "limit": limit}
        return [Reaction(*row) for row in self._file.reader.execute(sql, bounds)]
