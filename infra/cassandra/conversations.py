"""Conversations in Cassandra: a row for each post, and one among its parent's replies.

A post's row may know the way up: some of the posts above it, the nearest first. Who replied to
what never changes, so a way is right whenever it was written, and may be short: it says which
rows to read at once, not which posts are there.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from domain.ids import AccountId, PostId
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_tables import KEYS_MAX, ONCE, ViewTables, Write
from projections.conversations import (
    AddPost,
    Ancestor,
    DropAccount,
    DropPost,
    Operation,
    Reply,
)

# A tweet's parent.
_NONE: Final = 0
_WAY_MAX: Final = KEYS_MAX
_CHUNK_MAX: Final = 500

_SCHEMA: Final = {
    "posts": """post_id bigint PRIMARY KEY, author_id bigint, parent_id bigint,
    way frozen<list<bigint>>, deleted boolean""",
    "replies": """parent_id bigint, post_id bigint, author_id bigint, deleted boolean,
    PRIMARY KEY (parent_id, post_id)""",
    "closed": "account_id bigint PRIMARY KEY",
}
_ADD: Final = """INSERT INTO @posts (post_id, author_id, parent_id) VALUES (?, ?, ?)
USING TIMESTAMP ?"""
_ADD_REPLY: Final = """INSERT INTO @replies (post_id, author_id, parent_id) VALUES (?, ?, ?)
USING TIMESTAMP ?"""
_DROP: Final = "UPDATE @posts USING TIMESTAMP ? SET deleted = true WHERE post_id = ?"
_DROP_REPLY: Final = """UPDATE @replies USING TIMESTAMP ? SET deleted = true
WHERE parent_id = ? AND post_id = ?"""
# The longest way is the one to have.
_LEAD: Final = "UPDATE @posts USING TIMESTAMP ? SET way = ? WHERE post_id = ?"
_CLOSE: Final = "INSERT INTO @closed (account_id) VALUES (?) USING TIMESTAMP ?"
_POSTS: Final = """SELECT post_id, author_id, parent_id, way, deleted FROM @posts
WHERE post_id IN ?"""
_REPLIES: Final = """SELECT post_id, author_id, deleted FROM @replies
WHERE parent_id = ? AND post_id > ? LIMIT ?"""
_CLOSED: Final = "SELECT account_id FROM @closed WHERE account_id IN ?"


class CassandraConversations:
    """Implements `projections.conversations.Conversations`."""

    def __init__(self, session: CassandraSession, namespace: str) -> None:
        self._tables = ViewTables(session, namespace, _SCHEMA)
        self.create = self._tables.create
        self.drop = self._tables.drop
        self.claim = self._tables.claim

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        posts = [op for op in operations if isinstance(op, AddPost | DropPost)]
        ways = await self._ways({op.post_id: op.parent_id for op in posts if op.parent_id})
        await self._tables.write(
            [
                *(write for operation in operations for write in _writes(operation)),
                *(
                    Write(post_id, _LEAD, (len(way), way, post_id))
                    for post_id, way in ways.items()
                    if len(way) > 1
                ),
            ]
        )
        await self._tables.advance(checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def ancestors(self, post_id: PostId, limit: int) -> Sequence[Ancestor]:
        """See `Conversations.ancestors`."""
        upwards: list[Any] = []
        way = _way_from(await self._posts([post_id]), post_id)
        while way and len(upwards) < limit:
            rows = await self._posts(way)
            upwards += _as_far_as_known(way, rows)
            way = _way_from(rows, way[-1])
        del upwards[limit:]
        closed = await self._closed({row.author_id for row in upwards})
        return [
            Ancestor(row.post_id, row.author_id, bool(row.deleted) or row.author_id in closed)
            for row in reversed(upwards)
        ]

    async def replies(
        self, post_id: PostId, limit: int, *, after: PostId | None = None
    ) -> Sequence[Reply]:
        """See `Conversations.replies`."""
        found: list[Reply] = []
        last: int = after or 0
        chunk = limit
        while len(found) < limit:
            rows = await self._tables.read(_REPLIES, post_id, last, chunk)
            closed = await self._closed({row.author_id for row in rows})
            found += [
                Reply(row.post_id, row.author_id)
                for row in rows
                if not row.deleted and row.author_id not in closed
            ]
            if len(rows) < chunk:
                break
            last, chunk = rows[-1].post_id, min(2 * chunk, _CHUNK_MAX)
        return found[:limit]

    async def _ways(self, parents: Mapping[PostId, PostId]) -> dict[PostId, list[int]]:
        """The way up from each of these posts, as far as it is known."""
        known = await self._posts(set(parents.values()) - parents.keys())
        ways: dict[PostId, list[int]] = {}
        for post_id, parent_id in sorted(parents.items()):
            above = ways.get(parent_id) or _way_from(known, parent_id)
            ways[post_id] = [parent_id, *above][:_WAY_MAX]
        return ways

    async def _posts(self, post_ids: Collection[int]) -> dict[int, Any]:
        return {row.post_id: row for row in await self._tables.read_keys(_POSTS, post_ids)}

    async def _closed(self, account_ids: Collection[AccountId]) -> set[AccountId]:
        return {row.account_id for row in await self._tables.read_keys(_CLOSED, account_ids)}


def _writes(operation: Operation) -> Iterator[Write]:
    """What an operation says. A deletion says all that its post does."""
    match operation:
        case AddPost(post_id, author_id, parent_id) | DropPost(post_id, author_id, parent_id):
            row = (post_id, author_id, parent_id or _NONE, ONCE)
            dropped = isinstance(operation, DropPost)
            yield Write(post_id, _ADD, row)
            if dropped:
                yield Write(post_id, _DROP, (ONCE, post_id))
            if parent_id:
                yield Write(parent_id, _ADD_REPLY, row)
            if parent_id and dropped:
                yield Write(parent_id, _DROP_REPLY, (ONCE, parent_id, post_id))
        case DropAccount(account_id):
            yield Write(account_id, _CLOSE, (account_id, ONCE))


def _way_from(rows: Mapping[int, Any], post_id: int) -> list[int]:
    """The posts above a post, the nearest first, as far as its row says."""
    row = rows.get(post_id)
    if row is None or not row.parent_id:
        return []
    return list(row.way or [row.parent_id])


def _as_far_as_known(way: Sequence[int], rows: Mapping[int, Any]) -> Iterator[Any]:
    """The rows of a way up to the first post that has not come."""
    for post_id in way:
        if post_id not in rows:
            return
        yield rows[post_id]
