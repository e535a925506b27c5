"""Author timelines in Cassandra.

A list is a row for each item, which stays for ever: a deleted post's row says so. A repost's row
stands if the register of (account, post) names it; that, and whether the post or somebody is gone,
is looked up when a page is read, in one round trip for the whole page.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from domain.ids import AccountId
from infra.cassandra.bucketed_lists import (
    DIRECTORY_COLUMNS,
    DIRECTORY_KEY,
    LIST_COLUMNS,
    LIST_KEY,
    MINUTES,
    BucketedLists,
    Place,
)
from infra.cassandra.session import CassandraSession
from infra.cassandra.tallies import SCHEMA as TALLIES
from infra.cassandra.tallies import Member, Tallies
from infra.cassandra.view_tables import ONCE, ViewTables, Write, by_key
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

# Lists: an author's tweets and reposts, an author's replies; everybody's tweets have no owner.
_TWEETS, _REPLIES, _PUBLIC = range(3)
_LISTS: Final[Mapping[PostKind | None, Collection[int]]] = {
    "tweet": (_TWEETS,),
    "reply": (_REPLIES,),
    None: (_TWEETS, _REPLIES),
}
_NOBODY: Final = 0

# Of an author's own post, `author_id` and `reposted_id` are absent.
_SCHEMA: Final = {
    **TALLIES,
    "buckets": f"{DIRECTORY_COLUMNS}, {DIRECTORY_KEY}",
    "items": f"""{LIST_COLUMNS}, author_id bigint, reposted_id bigint, dropped boolean,
    {LIST_KEY}""",
    "reposts": """account_id bigint, post_id bigint, item_id bigint, live boolean,
    PRIMARY KEY ((account_id, post_id))""",
    "gone": "id bigint PRIMARY KEY",
}
_COLUMNS: Final = "item_id, author_id, reposted_id, dropped"
_ADD: Final = """INSERT INTO @items (owner_id, list, bucket, item_id, author_id)
VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_DROP: Final = """INSERT INTO @items (owner_id, list, bucket, item_id, author_id, dropped)
VALUES (?, ?, ?, ?, ?, true) USING TIMESTAMP ?"""
_ADD_REPOST: Final = """INSERT INTO @items
(owner_id, list, bucket, item_id, author_id, reposted_id) VALUES (?, ?, ?, ?, ?, ?)
USING TIMESTAMP ?"""
_SET_REPOST: Final = """INSERT INTO @reposts (account_id, post_id, item_id, live)
VALUES (?, ?, ?, ?) USING TIMESTAMP ?"""
_GO: Final = "INSERT INTO @gone (id) VALUES (?) USING TIMESTAMP ?"
_GONE: Final = "SELECT id FROM @gone WHERE id IN ?"
_REPOSTS: Final = """SELECT item_id, live FROM @reposts
WHERE account_id = ? AND post_id IN ?"""
# As events of a tweet's place among those of its author.
_CAME, _WENT = 1, 2


class CassandraAuthorTimelines:
    """Implements `projections.author_timelines.AuthorTimelines`."""

    def __init__(self, session: CassandraSession, namespace: str) -> None:
        self._tables = ViewTables(session, namespace, _SCHEMA)
        self._own = BucketedLists(self._tables, _COLUMNS)
        self._tallies = Tallies(self._tables)
        self._public = BucketedLists(self._tables, _COLUMNS, bits=MINUTES)
        self.create = self._tables.create
        self.drop = self._tables.drop
        self.claim = self._tables.claim

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        tweets = list(_tweets(operations))
        places = by_key(chain.from_iterable(map(self._places, operations)), itemgetter(0))
        said = chain(self._writes(operations), self._tallies.writes(tweets))
        await asyncio.gather(
            self._own.write(said, (place for _, place in places.get(self._own, ()))),
            self._public.write((), (place for _, place in places.get(self._public, ()))),
        )
        await self._tallies.count(tweets)
        await self._tables.advance(checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def page(
        self, author_id: AccountId, kind: PostKind | None, window: Window, limit: int
    ) -> Sequence[Item]:
        """See `AuthorTimelines.page`."""

        async def standing(rows: Sequence[Any]) -> Sequence[Item]:
            return await self._own_items(author_id, rows)

        gone, items = await asyncio.gather(
            self._gone([author_id]),
            self._own.page(author_id, _LISTS[kind], window, limit, standing),
        )
        return [] if gone else items

    async def public_page(self, window: Window, limit: int) -> Sequence[Item]:
        """See `AuthorTimelines.public_page`."""
        return await self._public.page(_NOBODY, (_PUBLIC,), window, limit, self._public_items)

    async def tweet_counts(self, author_ids: Sequence[AccountId]) -> dict[AccountId, int]:
        """See `AuthorTimelines.tweet_counts`."""
        wanted = set(author_ids)
        totals, gone = await asyncio.gather(self._tallies.totals(wanted), self._gone(wanted))
        return {
            author_id: totals[author_id, _TWEETS]
            for author_id in wanted - gone
            if totals.get((author_id, _TWEETS))
        }

    def _writes(self, operations: Sequence[Operation]) -> Iterator[Write]:
        """What the operations say."""
        for operation in operations:
            match operation:
                case AddPost(author_id, post_id) | DropPost(author_id, post_id):
                    cql = _ADD if isinstance(operation, AddPost) else _DROP
                    for lists, place in self._places(operation):
                        yield _item(lists, place, cql, author_id)
                    if isinstance(operation, DropPost):
                        yield Write(post_id, _GO, (post_id, ONCE))
                case SetRepost(account_id, post_id, post_author_id, item_id, on, version):
                    register = (account_id, post_id)
                    yield Write(register, _SET_REPOST, (*register, item_id, on, version))
                    for lists, place in self._places(operation):
                        yield _item(lists, place, _ADD_REPOST, post_author_id, post_id)
                case DropAuthor(account_id):
                    yield Write(account_id, _GO, (account_id, ONCE))

    def _places(self, operation: Operation) -> Iterator[tuple[BucketedLists, Place]]:
        """Where an operation has rows."""
        match operation:
            case AddPost(author_id, post_id, is_reply) | DropPost(author_id, post_id, is_reply):
                yield self._own, (author_id, _REPLIES if is_reply else _TWEETS, post_id)
                if not is_reply:
                    yield self._public, (_NOBODY, _PUBLIC, post_id)
            case SetRepost(account_id, on=True):
                yield self._own, (account_id, _TWEETS, operation.item_id)
            case _:
                pass

    async def _own_items(self, account_id: AccountId, rows: Sequence[Any]) -> Sequence[Item]:
        """Those of an account's rows that stand."""
        reposted = {post_id for _, _, post_id, _ in rows if post_id is not None}
        authors = {author_id for _, author_id, post_id, _ in rows if post_id is not None}
        standing, gone = await asyncio.gather(
            self._tables.read_keys(_REPOSTS, reposted, account_id), self._gone(reposted | authors)
        )
        live = {item_id for item_id, live in standing if live}
        return [
            Item(item_id, item_id, author_id, None)
            if post_id is None
            else Item(item_id, post_id, author_id, account_id)
            for item_id, author_id, post_id, dropped in rows
            if (not dropped if post_id is None else item_id in live)
            and not gone & {post_id, author_id}
        ]

    async def _public_items(self, rows: Sequence[Any]) -> Sequence[Item]:
        """Those of everybody's rows that stand."""
        there = [row for row in rows if not row.dropped]
        gone = await self._gone({row.author_id for row in there})
        return [
            Item(row.item_id, row.item_id, row.author_id, None)
            for row in there
            if row.author_id not in gone
        ]

    async def _gone(self, ids: Collection[int]) -> set[int]:
        """Which of these posts and accounts are gone."""
        return {gone for (gone,) in await self._tables.read_keys(_GONE, ids)}


def _tweets(operations: Iterable[Operation]) -> Iterator[Member]:
    """Whether tweets are among those of their authors. A deletion comes last."""
    for operation in operations:
        match operation:
            case AddPost(author_id, post_id, False):
                yield Member(author_id, _TWEETS, post_id, _CAME, live=True)
            case DropPost(author_id, post_id, False):
                yield Member(author_id, _TWEETS, post_id, _WENT, live=False)
            case _:
                pass


def _item(lists: BucketedLists, place: Place, cql: str, *columns: int) -> Write:
    partition = lists.partition_of(*place)
    return Write(partition, cql, (*partition, place[2], *columns, ONCE))
