"""Post cards in Cassandra.

What operations say is written first. Then what follows from it together with all that others wrote
is looked up and written, at once: counts, and what has ended. Then the checkpoint moves.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, product
from typing import Any, Final

import msgspec

from domain.ids import AccountId, EventId, PostId, millis_of
from domain.objects import UNTOUCHED, PostCounts, PostViewer, post_members
from infra.cassandra.bucketed_lists import BucketedLists
from infra.cassandra.post_card_ends import PostCardEnds
from infra.cassandra.post_card_tables import (
    BOOKMARKS,
    COLUMNS,
    DONE,
    LIKES,
    QUOTES,
    REPLIES,
    REPOSTS,
    SCHEMA,
    WRITTEN,
    members_of,
    places_of,
    writes_of,
)
from infra.cassandra.session import CassandraSession
from infra.cassandra.tallies import Tallies
from infra.cassandra.view_tables import ViewTables, by_key
from projections.post_cards import (
    Bookmark,
    Card,
    DropAccount,
    Operation,
    PostVersion,
    Reaction,
    counts_json,
)
from projections.windows import Window

_CARDS: Final = """SELECT post_id, author_id, in_reply_to_id, in_reply_to_author_id,
conversation_id, quote_of_id, quote_of_author_id, version, birth, text, edited, deleted
FROM @posts WHERE post_id IN ?"""
_FIRST: Final = "SELECT author_id, text, deleted FROM @posts WHERE post_id = ?"
_EDITS: Final = """SELECT version, event_id, text FROM @edits
WHERE post_id = ? AND version > ? LIMIT ?"""
_DONE_WITH: Final = f"""SELECT {COLUMNS} FROM @items
WHERE owner_id = ? AND list = {DONE} AND bucket = ? AND item_id IN ?"""  # noqa: S608 - our own words
_DONE_BY: Final = f"""SELECT owner_id, liked, reposted FROM @items
WHERE list = {DONE} AND bucket = ? AND item_id = ? AND owner_id IN ?"""  # noqa: S608 - our own words
# What the reader did with a post as JSON.
_VIEWERS: Final = {
    did: msgspec.json.encode(PostViewer(*did)) for did in product((False, True), repeat=3)
}
_Totals = Mapping[tuple[int, int], int]


class CassandraPostCards:
    """Implements `projections.post_cards.PostCards`."""

    def __init__(self, session: CassandraSession, namespace: str) -> None:
        self._tables = ViewTables(session, namespace, SCHEMA)
        self._lists = BucketedLists(self._tables, COLUMNS)
        self._tallies = Tallies(self._tables)
        self._ends = PostCardEnds(self._tables, self._lists, self._tallies)
        self.create = self._tables.create
        self.drop = self._tables.drop
        self.claim = self._tables.claim

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        if operations:
            await self._bring(operations)
        if checkpoint:
            await self._tables.advance(checkpoint)

    async def _bring(self, operations: Sequence[Operation]) -> None:
        members = list(chain.from_iterable(map(members_of, operations)))
        said = chain.from_iterable(writes_of(operation, self._lists) for operation in operations)
        places = chain.from_iterable(map(places_of, operations))
        await self._lists.write(chain(said, self._tallies.writes(members)), places)
        await asyncio.gather(self._tallies.count(members), self._ends.meet(operations))

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def cards(
        self, post_ids: Sequence[PostId], reader_id: AccountId | None
    ) -> Mapping[PostId, Card]:
        """See `PostCards.cards`."""
        wanted = dict.fromkeys(post_ids)
        rows, totals, viewers = await asyncio.gather(
            self._tables.read_keys(_CARDS, wanted),
            self._tallies.totals(wanted),
            self.viewers(reader_id, wanted),
        )
        return {
            row.post_id: _card(row, totals, viewers.get(row.post_id, UNTOUCHED))
            for row in rows
            if _is_there(row)
        }

    async def counts(self, post_id: PostId) -> PostCounts:
        """See `PostCards.counts`."""
        links, totals = await asyncio.gather(
            self._ends.links([post_id]), self._tallies.totals([post_id])
        )
        there = any(map(_is_there, links))
        return PostCounts(*_counts(post_id, totals)) if there else PostCounts()

    async def history(
        self, post_id: PostId, limit: int, *, after: int = 0
    ) -> Sequence[PostVersion]:
        """See `PostCards.history`."""
        posts, edits = await asyncio.gather(
            self._tables.read(_FIRST, post_id), self._tables.read(_EDITS, post_id, after, limit)
        )
        if not any(map(_is_there, posts)):
            return []
        first = [PostVersion(1, millis_of(post_id), posts[0].text)] if after < 1 else []
        later = [PostVersion(v, millis_of(event_id), text) for v, event_id, text in edits]
        return [*first, *later][:limit]

    async def likers(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """See `PostCards.likers`."""
        return await self._who(LIKES, post_id, limit, before)

    async def reposters(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """See `PostCards.reposters`."""
        return await self._who(REPOSTS, post_id, limit, before)

    async def bookmarks(
        self, account_id: AccountId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Bookmark]:
        """See `PostCards.bookmarks`."""

        async def standing(rows: Sequence[Any]) -> Sequence[Bookmark]:
            post_ids = {row.other_id for row in rows}
            links, done = await asyncio.gather(
                self._ends.links(post_ids), self._done(account_id, post_ids)
            )
            there = {row.post_id for row in links if _is_there(row)}
            marks = {row.item_id: row.bookmarked for row in done if row.item_id in there}
            return [
                Bookmark(row.item_id, row.other_id)
                for row in rows
                if marks.get(row.other_id) == row.item_id
            ]

        window = Window(max_id=before)
        return await self._lists.page(account_id, (BOOKMARKS,), window, limit, standing)

    async def _who(
        self, list_: int, post_id: PostId, limit: int, before: EventId | None
    ) -> Sequence[Reaction]:
        async def standing(rows: Sequence[Any]) -> Sequence[Reaction]:
            accounts = {row.other_id for row in rows}
            bucket = self._lists.bucket_of(post_id)
            done = await self._tables.read_keys(_DONE_BY, accounts, bucket, post_id)
            now = {row.owner_id: row.liked if list_ == LIKES else row.reposted for row in done}
            return [
                Reaction(row.item_id, row.other_id)
                for row in rows
                if now.get(row.other_id) == row.item_id
            ]

        links, found = await asyncio.gather(
            self._ends.links([post_id]),
            self._lists.page(post_id, (list_,), Window(max_id=before), limit, standing),
        )
        return found if any(map(_is_there, links)) else []

    async def viewers(
        self, reader_id: AccountId | None, post_ids: Collection[PostId]
    ) -> dict[PostId, bytes]:
        """What the reader did with the posts, as JSON, whether or not they are there."""
        if reader_id is None:
            return {}
        return {row.item_id: _viewer_of(row) for row in await self._done(reader_id, post_ids)}

    async def newest_viewers(self, reader_id: AccountId, limit: int) -> dict[PostId, bytes]:
        """As `viewers`, of the newest posts with which the reader ever did something."""

        async def all_of(rows: Sequence[Any]) -> Sequence[Any]:
            return rows

        rows = await self._lists.page(reader_id, (DONE,), Window(), limit, all_of)
        return {row.item_id: _viewer_of(row) for row in rows}

    async def closing(
        self, account_id: AccountId, limit: int
    ) -> tuple[list[PostId], list[PostId]] | None:
        """Let nothing of the account's come any more: who writes it from now on ends it. The posts
        that it wrote and those that it did something with, or None if they are more than `limit`.
        """
        await self._tables.write(writes_of(DropAccount(account_id), self._lists))
        found: list[list[PostId]] = []
        for list_ in (WRITTEN, DONE):
            found.append([])
            async for rows in self._lists.whole(account_id, list_):
                found[-1] += [row.item_id for row in rows]
                if sum(map(len, found)) > limit:
                    return None
        return found[0], found[1]

    async def referred(self, post_ids: Collection[PostId]) -> dict[PostId, list[PostId]]:
        """What each post that ever came answers and quotes, also if it is deleted."""
        return {
            row.post_id: [one for one in (row.in_reply_to_id, row.quote_of_id) if one is not None]
            for row in await self._ends.links(post_ids)
            if row.author_id is not None
        }

    async def _done(self, account_id: AccountId, post_ids: Collection[PostId]) -> list[Any]:
        """What the account did with the posts."""
        buckets = by_key(post_ids, self._lists.bucket_of)
        rows = await asyncio.gather(
            *(
                self._tables.read_keys(_DONE_WITH, some, account_id, bucket)
                for bucket, some in buckets.items()
            )
        )
        return list(chain.from_iterable(rows))


def _viewer_of(row: Any) -> bytes:
    """What an account did with a post, as JSON."""
    return _VIEWERS[(row.liked or 0) > 0, (row.reposted or 0) > 0, (row.bookmarked or 0) > 0]


def _is_there(row: Any) -> bool:
    """Whether the post came and is not deleted."""
    return row.author_id is not None and not row.deleted


def _counts(post_id: PostId, totals: _Totals) -> tuple[int, int, int, int]:
    """In the order in which clients get them."""
    replies, reposts, likes, quotes = (
        totals.get((post_id, family), 0) for family in (REPLIES, REPOSTS, LIKES, QUOTES)
    )
    return replies, reposts, likes, quotes


def _card(row: Any, totals: _Totals, viewer: bytes) -> Card:
    *fields, version, birth, text, edited, _ = row
    counts = counts_json(*_counts(row.post_id, totals))
    members = post_members(birth, edited or text, counts)
    return Card._make((*fields, version or 1, members, viewer))
