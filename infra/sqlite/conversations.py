"""Conversations in SQLite."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from domain.ids import AccountId, PostId
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.conversations import (
    AddPost,
    Ancestor,
    DropAccount,
    DropPost,
    Operation,
    Reply,
)

# Deleted posts stay as links. Closed accounts are looked up when a page is read: few rows, always
# in memory, and a closing need not find its posts.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS posts (
    post_id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, parent_id INTEGER,
    live INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS replies ON posts (parent_id, live, post_id, author_id)
WHERE parent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY);
"""
_STATEMENTS: Final[Statements] = {
    AddPost: ("INSERT INTO posts VALUES (?, ?, ?, 1) ON CONFLICT DO NOTHING",),
    DropPost: ("INSERT INTO posts VALUES (?, ?, ?, 0) ON CONFLICT DO UPDATE SET live = 0",),
    DropAccount: ("INSERT INTO dropped_accounts VALUES (?) ON CONFLICT DO NOTHING",),
}
# The limit is on rows of the walk, so that no chain is followed further than is asked for.
_ANCESTORS: Final = """WITH RECURSIVE above (post_id, author_id, parent_id, live) AS (
    SELECT up.* FROM posts AS post CROSS JOIN posts AS up ON up.post_id = post.parent_id
    WHERE post.post_id = ?
    UNION ALL SELECT up.* FROM above CROSS JOIN posts AS up ON up.post_id = above.parent_id
    LIMIT ?)
SELECT post_id, author_id, live = 0 OR EXISTS (
    SELECT 1 FROM dropped_accounts WHERE account_id = author_id) FROM above"""
_REPLIES: Final = """SELECT post_id, author_id FROM posts INDEXED BY replies
WHERE parent_id = ? AND live = 1 AND post_id > ?
AND NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = author_id)
ORDER BY post_id LIMIT ?"""


class SqliteConversations:
    """Implements `projections.conversations.Conversations`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def ancestors(self, post_id: PostId, limit: int) -> Sequence[Ancestor]:
        """See `Conversations.ancestors`."""
        rows = self._file.reader.execute(_ANCESTORS, (post_id, limit))
        upwards = [Ancestor(above, AccountId(author), bool(gone)) for above, author, gone in rows]
        return upwards[::-1]

    async def replies(
        self, post_id: PostId, limit: int, *, after: PostId | None = None
    ) -> Sequence[Reply]:
        """See `Conversations.replies`."""
        rows = self._file.reader.execute(_REPLIES, (post_id, after or 0, limit))
        return [Reply(*row) for row in rows]
