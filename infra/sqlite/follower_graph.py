"""The follower graph in SQLite.

A tie's row has all that one account's lists and relations need, so whatever is asked about an
account is found under its own id; the other account of the pair has a mirrored row.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Final, Literal

import orjson

from domain.ids import AccountId, EventId
from domain.objects import AccountViewer
from infra.sqlite.kept_rows import KeptRows
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.follower_graph import (
    FRIENDS_MAX,
    FRIENDS_OF_FRIEND_MAX,
    DropAccount,
    Edge,
    EdgeCounts,
    EdgeList,
    Operation,
    SetTie,
    Suggestion,
)
from projections.windows import Window

COUNTS_KEPT: Final = 50_000
# Readers, and how they stand to those they were shown last: 100 bytes for each of these.
READERS_KEPT: Final = 20_000
RELATIONS_KEPT: Final = 200

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS ties (
    account_id INTEGER NOT NULL, other_id INTEGER NOT NULL, version INTEGER NOT NULL,
    follows INTEGER NOT NULL, followed INTEGER NOT NULL, blocks INTEGER NOT NULL,
    blocked INTEGER NOT NULL, mutes INTEGER NOT NULL, follow_id INTEGER NOT NULL,
    followed_id INTEGER NOT NULL, block_id INTEGER NOT NULL, mute_id INTEGER NOT NULL,
    PRIMARY KEY (account_id, other_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS following ON ties (account_id, follow_id, follows) WHERE follows = 1;
CREATE INDEX IF NOT EXISTS followers ON ties (account_id, followed_id, followed) WHERE followed = 1;
CREATE INDEX IF NOT EXISTS blocking ON ties (account_id, block_id, blocks) WHERE blocks = 1;
CREATE INDEX IF NOT EXISTS muting ON ties (account_id, mute_id, mutes) WHERE mutes = 1;
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts (
    account_id INTEGER PRIMARY KEY, followers INTEGER NOT NULL, following INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS count_first AFTER INSERT ON ties
WHEN NEW.followed = 1 OR NEW.follows = 1 BEGIN
    INSERT INTO counts VALUES (NEW.account_id, NEW.followed, NEW.follows)
    ON CONFLICT DO UPDATE
    SET followers = followers + NEW.followed, following = following + NEW.follows;
END;
CREATE TRIGGER IF NOT EXISTS count_again AFTER UPDATE ON ties
WHEN NEW.followed <> OLD.followed OR NEW.follows <> OLD.follows BEGIN
    INSERT INTO counts VALUES (NEW.account_id, NEW.followed, NEW.follows)
    ON CONFLICT DO UPDATE SET followers = followers + NEW.followed - OLD.followed,
        following = following + NEW.follows - OLD.follows;
END;
CREATE TRIGGER IF NOT EXISTS count_out AFTER DELETE ON ties BEGIN
    UPDATE counts SET followers = followers - OLD.followed, following = following - OLD.follows
    WHERE account_id = OLD.account_id;
END;
"""
_STATEMENTS: Final[Statements] = {
    SetTie: (
        # Only a higher version says how they stand; every event may say which edge it made.
        """INSERT INTO ties
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
        WHERE NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id IN (?1, ?2))
        ON CONFLICT DO UPDATE SET
            version = MAX(version, excluded.version),
            follows = IIF(excluded.version > version, excluded.follows, follows),
            followed = IIF(excluded.version > version, excluded.followed, followed),
            blocks = IIF(excluded.version > version, excluded.blocks, blocks),
            blocked = IIF(excluded.version > version, excluded.blocked, blocked),
            mutes = IIF(excluded.version > version, excluded.mutes, mutes),
            follow_id = MAX(follow_id, excluded.follow_id),
            followed_id = MAX(followed_id, excluded.followed_id),
            block_id = MAX(block_id, excluded.block_id),
            mute_id = MAX(mute_id, excluded.mute_id)""",
    ),
    DropAccount: (
        # Ties come in pairs, so those towards the account are found by those from it.
        """DELETE FROM ties WHERE other_id = ?1
        AND account_id IN (SELECT other_id FROM ties WHERE account_id = ?1)""",
        "DELETE FROM ties WHERE account_id = ?",
        "INSERT OR IGNORE INTO dropped_accounts VALUES (?)",
    ),
}

# Each list: the column that says who is in it, and the one that has the edge's id.
_LISTS: Final[Mapping[EdgeList, tuple[str, str]]] = {
    "followers": ("followed", "followed_id"),
    "following": ("follows", "follow_id"),
    "blocks": ("blocks", "block_id"),
    "mutes": ("mutes", "mute_id"),
}
_EDGES: Final = """SELECT {edge}, other_id FROM ties a WHERE account_id = :account AND {member} = 1
AND {edge} > :above AND {edge} < :below"""
_WHOM_THE_READER_FOLLOWS: Final = """ AND EXISTS (SELECT 1 FROM ties r
    WHERE r.account_id = :reader AND r.other_id = a.other_id AND r.follows = 1)"""
# The same accounts, found from the reader's side.
_OF_THE_READERS_FOLLOWS: Final = """SELECT a.{edge}, a.other_id FROM ties r INDEXED BY following
CROSS JOIN ties a ON a.account_id = :account AND a.other_id = r.other_id AND a.{member} = 1
    AND a.{edge} > :above AND a.{edge} < :below
WHERE r.account_id = :reader AND r.follows = 1"""
_ORDERED: Final = " ORDER BY a.{edge} {order} LIMIT :limit"
_SUGGESTIONS: Final = """
WITH friends AS MATERIALIZED (
    SELECT other_id FROM ties WHERE account_id = :reader AND follows = 1
    ORDER BY follow_id DESC LIMIT :friends)
SELECT COUNT(*) AS paths, t.other_id FROM friends f
CROSS JOIN ties t INDEXED BY following ON t.account_id = f.other_id AND t.follows = 1
    AND t.follow_id >= COALESCE((SELECT n.follow_id FROM ties n
        WHERE n.account_id = f.other_id AND n.follows = 1
        ORDER BY n.follow_id DESC LIMIT 1 OFFSET :friends_of_friend - 1), 0)
WHERE t.other_id <> :reader AND NOT EXISTS (SELECT 1 FROM ties r
    WHERE r.account_id = :reader AND r.other_id = t.other_id
    AND (r.follows = 1 OR r.blocks = 1 OR r.blocked = 1 OR r.mutes = 1))
GROUP BY t.other_id HAVING paths < :paths OR (paths = :paths AND t.other_id > :after)
ORDER BY paths DESC, t.other_id LIMIT :limit
"""
# Joined in this order: some 20 us for 20 accounts, half of what IN (...) takes.
_COUNTS: Final = """SELECT account_id, followers, following
FROM json_each(?) CROSS JOIN counts ON account_id = value WHERE followers + following > 0"""
_RELATIONS: Final = """SELECT other_id, follows, followed, blocks, blocked, mutes
FROM json_each(?2) CROSS JOIN ties ON account_id = ?1 AND other_id = value"""
_FOLLOW: Final = """SELECT follow_id FROM ties
WHERE account_id = ? AND other_id = ? AND follows = 1"""
_STRANGER: Final = AccountViewer()
_VIEWERS: Final = {flags: AccountViewer(*map(bool, flags)) for flags in product((0, 1), repeat=5)}


def _of_nobody(readers: Iterable[AccountId]) -> dict[AccountId, dict[AccountId, AccountViewer]]:
    return {reader: {} for reader in readers}


class SqliteFollowerGraph:
    """Implements `projections.follower_graph.FollowerGraph`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.kept_edges = KeptRows(
            self._file, {"counts": "account_id"}, self._read_counts, limit=COUNTS_KEPT
        )
        self._kept_relations: KeptRows[AccountId, dict[AccountId, AccountViewer]] = KeptRows(
            self._file, {"ties": "account_id"}, _of_nobody, limit=READERS_KEPT
        )
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def edges(
        self, account_id: AccountId, which: EdgeList, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.edges`."""
        return self._edges(_EDGES, which, window, limit, account=account_id)

    async def mutuals(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.mutuals`."""
        return self._shared("following", account_id, reader_id, window, limit)

    async def known_followers(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.known_followers`."""
        return self._shared("followers", account_id, reader_id, window, limit)

    async def suggestions(
        self, reader_id: AccountId, after: Suggestion | None, limit: int
    ) -> Sequence[Suggestion]:
        """See `FollowerGraph.suggestions`."""
        paths, last = after or (FRIENDS_MAX + 1, 0)
        bounds = {
            "reader": reader_id,
            "friends": FRIENDS_MAX,
            "friends_of_friend": FRIENDS_OF_FRIEND_MAX,
            "paths": paths,
            "after": last,
            "limit": limit,
        }
        return [Suggestion(*row) for row in self._file.reader.execute(_SUGGESTIONS, bounds)]

    async def counts(self, account_ids: Sequence[AccountId]) -> dict[AccountId, EdgeCounts]:
        """See `FollowerGraph.counts`."""
        return self.kept_edges.get(account_ids)

    async def relations(
        self, reader_id: AccountId, account_ids: Sequence[AccountId]
    ) -> dict[AccountId, AccountViewer]:
        """See `FollowerGraph.relations`."""
        # Whoever's ties change gets a new dictionary, so filling the one at hand is harmless.
        known = self._kept_relations.get((reader_id,))[reader_id]
        missing = [account_id for account_id in account_ids if account_id not in known]
        if missing:
            rows = self._file.reader.execute(_RELATIONS, (reader_id, orjson.dumps(missing)))
            found = {row[0]: _VIEWERS[row[1:]] for row in rows}
            known |= dict.fromkeys(missing, _STRANGER) | found
        relations = {account_id: known[account_id] for account_id in account_ids}
        if len(known) > RELATIONS_KEPT:
            known.clear()
        return relations

    async def follow_of(self, follower_id: AccountId, followed_id: AccountId) -> EventId | None:
        """See `FollowerGraph.follow_of`."""
        row = self._file.reader.execute(_FOLLOW, (follower_id, followed_id)).fetchone()
        return None if row is None else EventId(row[0])

    def _read_counts(self, account_ids: Collection[AccountId]) -> dict[AccountId, EdgeCounts]:
        rows = self._file.reader.execute(_COUNTS, (orjson.dumps(list(account_ids)),))
        return {row[0]: EdgeCounts(row[1], row[2]) for row in rows}

    def _shared(
        self,
        which: Literal["followers", "following"],
        account_id: AccountId,
        reader_id: AccountId,
        window: Window,
        limit: int,
    ) -> Sequence[Edge]:
        """Whom the reader follows of an account's list, found from the shorter list's side."""
        counts = self.kept_edges.get((account_id, reader_id))
        account = counts.get(account_id, EdgeCounts())
        listed = account.followers if which == "followers" else account.following
        if counts.get(reader_id, EdgeCounts()).following < listed:
            sql = _OF_THE_READERS_FOLLOWS
        else:
            sql = _EDGES + _WHOM_THE_READER_FOLLOWS
        return self._edges(sql, which, window, limit, account=account_id, reader=reader_id)

    def _edges(
        self, sql: str, which: EdgeList, window: Window, limit: int, **ids: AccountId
    ) -> Sequence[Edge]:
        member, edge = _LISTS[which]
        order = "ASC" if window.upwards else "DESC"
        statement = (sql + _ORDERED).format(member=member, edge=edge, order=order)
        bounds = {"above": window.above, "below": window.below, "limit": limit, **ids}
        edges = [Edge(*row) for row in self._file.reader.execute(statement, bounds)]
        return edges[::-1] if window.upwards else edges
