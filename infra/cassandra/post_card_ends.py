"""Deleted posts and closed accounts among post cards in Cassandra, and what goes with them.

A deleted post is no reply any more; posts and doings of closed accounts are gone. Whoever writes
one half of such a pair looks for the other afterwards, so one of them finds both. So a page of
cards is read without asking who is gone.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any, Final

from domain.ids import AccountId, PostId
from infra.cassandra.bucketed_lists import BucketedLists
from infra.cassandra.post_card_tables import (
    DONE,
    WRITTEN,
    drops_of,
    members_of,
    told_posts,
    undoing_of,
    undone_members,
)
from infra.cassandra.tallies import Tallies
from infra.cassandra.view_tables import ViewTables
from projections.post_cards import (
    AddPost,
    DropAccount,
    DropPost,
    EditPost,
    Operation,
    SetBookmark,
    SetLike,
    SetRepost,
)

_LINKS: Final = """SELECT post_id, author_id, in_reply_to_id, quote_of_id, deleted FROM @posts
WHERE post_id IN ?"""
_CLOSED: Final = "SELECT account_id FROM @closed WHERE account_id IN ?"


class PostCardEnds:
    """Every method raises StoreUnavailable."""

    def __init__(self, tables: ViewTables, lists: BucketedLists, tallies: Tallies) -> None:
        self._tables = tables
        self._lists = lists
        self._tallies = tallies

    async def meet(self, operations: Sequence[Operation]) -> None:
        """End what these operations, which are written, and all others end of each other."""
        await asyncio.gather(self._delete(operations), self._close(operations))

    async def links(self, post_ids: Collection[PostId]) -> list[Any]:
        """Whose the posts are, what they speak of, and whether they are deleted."""
        return await self._tables.read_keys(_LINKS, set(post_ids))

    async def _delete(self, operations: Sequence[Operation]) -> None:
        """What these operations and the deletions of posts mean for each other."""
        # A post that neither answers nor quotes another is in nobody's set.
        posts = [
            op.post_id
            for op in operations
            if isinstance(op, DropPost) or (isinstance(op, AddPost) and any(members_of(op)))
        ]
        links = await self.links(posts)
        await self._tell_no_more([row for row in links if row.deleted])

    async def _close(self, operations: Sequence[Operation]) -> None:
        """What these operations and the closings of accounts mean for each other."""
        for operation in operations:
            if isinstance(operation, DropAccount):
                await self._sweep(operation.account_id)
        posts = [op for op in operations if isinstance(op, AddPost | EditPost)]
        done = [op for op in operations if isinstance(op, SetLike | SetRepost | SetBookmark)]
        people = {op.author_id for op in posts} | {op.account_id for op in done}
        closed = {row.account_id for row in await self._tables.read_keys(_CLOSED, people)}
        if closed:
            await self._end([op.post_id for op in posts if op.author_id in closed])
            await self._undo((op.account_id, op.post_id) for op in done if op.account_id in closed)

    async def _sweep(self, account_id: AccountId) -> None:
        """Everything that the account wrote and did is gone."""
        async for rows in self._lists.whole(account_id, WRITTEN):
            await self._end([row.item_id for row in rows])
        async for rows in self._lists.whole(account_id, DONE):
            await self._undo((account_id, row.item_id) for row in rows)

    async def _end(self, post_ids: Collection[PostId]) -> None:
        """The posts are gone."""
        await self._tables.write(chain.from_iterable(map(drops_of, post_ids)))
        await self._tell_no_more(await self.links(post_ids))

    async def _tell_no_more(self, links: Sequence[Any]) -> None:
        """These posts are no replies and quotes any more."""
        members = [
            member
            for row in links
            for member in told_posts(row.post_id, row.in_reply_to_id, row.quote_of_id, there=False)
        ]
        await self._tables.write(self._tallies.writes(members))
        await self._tallies.count(members)

    async def _undo(self, reactions: Iterable[tuple[AccountId, PostId]]) -> None:
        """These accounts did nothing with these posts."""
        undone = set(reactions)
        members = list(chain.from_iterable(undone_members(*one) for one in undone))
        await self._tables.write(
            chain((undoing_of(*one, self._lists) for one in undone), self._tallies.writes(members))
        )
        await self._tallies.count(members)
