"""The search index in Elasticsearch."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from domain.ids import ID_MAX, AccountId, PostId
from domain.search_query import PeopleQuery, PostQuery
from infra.claims import Claims
from infra.elasticsearch import search_index_queries as queries
from infra.elasticsearch.connection import ElasticsearchConnection, Write
from projections.search_index import (
    DropPerson,
    DropPost,
    Found,
    IndexPerson,
    IndexPost,
    Operation,
    Rank,
)
from projections.windows import Window

# Searches see what is written when a batch ends, not when a second is over.
SETTINGS: Final = {"refresh_interval": "-1", "auto_expand_replicas": "0-1"}
# What is gone stays as a mark with the highest of all versions, so that it absorbs whatever comes.
GONE: Final = {"gone": True}
GONE_VERSION: Final = ID_MAX
SLICE: Final = 1_000  # posts of a closed account are removed so many at once


class ElasticsearchSearchIndex:
    """Implements `projections.search_index.SearchIndex`.

    Two indexes: of the posts and people, named as the namespace, and of the checkpoints, which are
    written after a refresh of the first, so that a search finds whatever a checkpoint covers; with
    them are the claims.

    Where nobody searches yet (`searched`), batches are not refreshed: most of what an engine does
    to index them would be that. Searches find what was applied after `show`.
    """

    def __init__(
        self,
        connection: ElasticsearchConnection,
        namespace: str,
        *,
        shards: int = 1,
        searched: bool = True,
    ) -> None:
        self._connection = connection
        self.namespace = namespace
        self._checkpoints = f"{namespace}_checkpoints"
        self._shards = shards
        self._searched = searched
        self._claims = Claims()

    async def create(self) -> None:
        """Make the indexes that are missing."""
        several = {**SETTINGS, "number_of_shards": self._shards}
        create = self._connection.create_index
        await asyncio.gather(
            create(self.namespace, several, queries.MAPPINGS),
            create(self._checkpoints, SETTINGS, queries.CHECKPOINT_MAPPINGS),
        )

    async def drop(self) -> None:
        """Remove everything of the namespace, the checkpoints first."""
        await self._connection.delete_index(self._checkpoints)
        await self._connection.delete_index(self.namespace)

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""
        left = set(partitions)
        while left:
            kept = await self._claimed(left)
            epochs = {one: kept.get(one, 0) + 1 for one in left}
            taken = await self._connection.take(
                self._checkpoints,
                [
                    Write(_claim(one), epoch, {"partition": one, "epoch": epoch})
                    for one, epoch in epochs.items()
                ],
            )
            left = {one for one in left if _claim(one) in taken}
            self._claims.note({one: epoch for one, epoch in epochs.items() if one not in left})

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`. Raises Superseded."""
        if operations:
            await self._apply(operations)
        await self._claims.check_now_and_then(
            checkpoint, lambda: self._claimed(self._claims.partitions)
        )
        positions = [
            Write(str(partition), position, {"partition": partition, "position": position})
            for partition, position in checkpoint.items()
        ]
        await self._connection.write(self._checkpoints, positions, refresh=self._searched)

    async def show(self) -> None:
        """Let searches find everything that was applied, before checkpoints say so."""
        await self._connection.refresh(self.namespace)
        await self._connection.refresh(self._checkpoints)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        if not self._searched:
            await self.show()
        (found,) = await self._connection.search(self._checkpoints, queries.CHECKPOINTS)
        return {partition: position for partition, position in found.sorts}

    async def newest_posts(self, query: PostQuery, window: Window, limit: int) -> Sequence[PostId]:
        """See `SearchIndex.newest_posts`."""
        parts = await self._parts(query)
        if parts is None:
            return ()
        ids = queries.between(query, above=window.above, below=window.below)
        order = "asc" if window.upwards else "desc"
        (found,) = await self._connection.search(
            self.namespace, queries.newest(parts, query.words, ids, limit, order)
        )
        posts = [PostId(post_id) for (post_id,) in found.sorts]
        return posts[::-1] if window.upwards else posts

    async def relevant_posts(
        self, query: PostQuery, after: Rank | None, limit: int
    ) -> Found[PostId]:
        """See `SearchIndex.relevant_posts`."""
        parts = await self._parts(query)
        if parts is None:
            return Found((), None)
        ceiling = _in_range(after.ceiling) if after else ID_MAX
        newest, *counted = await self._connection.search(
            self.namespace, queries.newest_of("post_id"), *queries.counts(query.words, ceiling)
        )
        rank = after or Rank(newest.sorts[0][0] if newest.sorts else 0, 0)
        ids = queries.between(query, above=0, below=_in_range(rank.ceiling) + 1)
        totals = [answer.total for answer in counted]
        (found,) = await self._connection.search(
            self.namespace,
            queries.relevant(parts, query.words, totals, ids, queries.page_of(rank, limit)),
        )
        return _page([PostId(post_id) for _, post_id in found.sorts], rank, limit)

    async def accounts(
        self, query: PeopleQuery, after: Rank | None, limit: int
    ) -> Found[AccountId]:
        """See `SearchIndex.accounts`."""
        ceiling = _in_range(after.ceiling) if after else ID_MAX
        offset, size = queries.page_of(after or Rank(0, 0), limit).values()
        searches = queries.people(query, ceiling, offset + size)
        if not searches:
            return Found((), None)
        newest, *found = await self._connection.search(
            self.namespace, queries.newest_of("account_id"), *searches
        )
        rank = after or Rank(newest.sorts[0][0] if newest.sorts else 0, 0)
        everybody = [AccountId(sort[-1]) for answer in found for sort in answer.sorts]
        return _page(everybody[offset : offset + size], rank, limit)

    async def _claimed(self, partitions: Collection[int]) -> dict[int, int]:
        found = await self._connection.documents(self._checkpoints, [*map(_claim, partitions)])
        return {claim["partition"]: claim["epoch"] for claim in found.values()}

    async def _parts(self, query: PostQuery) -> queries.Parts | None:
        """None if nothing can be found."""
        if query.finds_nothing:
            return None
        handles = {*query.authors, *query.not_authors}
        known: list[tuple[str, AccountId]] = []
        if handles:
            (found,) = await self._connection.search(self.namespace, queries.called(handles))
            known = [(handle, AccountId(account_id)) for handle, account_id in found.sorts]
        if query.authors and not any(handle in query.authors for handle, _ in known):
            return None
        return queries.parts_of(query, known)

    async def _apply(self, operations: Sequence[Operation]) -> None:
        """Whoever closes an account marks it before looking for its posts; whoever indexes a post
        does so before looking for the mark: one of the two always sees the other."""
        await self._connection.write(self.namespace, [*map(_write, operations)])
        posts = [op for op in operations if isinstance(op, IndexPost)]
        marks = await self._connection.documents(
            self.namespace, {_person(post.author_id) for post in posts}
        )
        closed = {document_id for document_id, source in marks.items() if source.get("gone")}
        await self._remove(post.post_id for post in posts if _person(post.author_id) in closed)
        closings = sorted({op.account_id for op in operations if isinstance(op, DropPerson)})
        if self._searched or closings:
            await self._connection.refresh(self.namespace)
        if closings:
            await self._remove_posts_of(closings)

    async def _remove_posts_of(self, author_ids: Sequence[AccountId]) -> None:
        some = queries.posts_of(author_ids, SLICE)
        while True:
            (found,) = await self._connection.search(self.namespace, some)
            if not found.sorts:
                return
            await self._remove(PostId(post_id) for (post_id,) in found.sorts)
            await self._connection.refresh(self.namespace)

    async def _remove(self, post_ids: Iterable[PostId]) -> None:
        marks = [Write(_post(post_id), GONE_VERSION, GONE) for post_id in post_ids]
        await self._connection.write(self.namespace, marks)


def _write(operation: Operation) -> Write:
    document: dict[str, Any]
    match operation:
        case IndexPost(post_id, author_id, version, terms, has_links):
            document = {"post_id": post_id, "author_id": str(author_id), "terms": terms}
            has = {"has": ["links"]} if has_links else {}
            return Write(_post(post_id), version, {**document, **has})
        case DropPost(post_id):
            return Write(_post(post_id), GONE_VERSION, GONE)
        case IndexPerson(account_id, version, handle, name_terms):
            document = {"account_id": account_id, "handle": handle, "names": name_terms}
            return Write(_person(account_id), version, document)
        case DropPerson(account_id):
            return Write(_person(account_id), GONE_VERSION, GONE)


def _claim(partition: int) -> str:
    return f"claim {partition}"


def _post(post_id: PostId) -> str:
    return f"p{post_id}"


def _person(account_id: AccountId) -> str:
    return f"a{account_id}"


def _in_range(ceiling: int) -> int:
    """A stranger's cursor may say anything."""
    return min(max(ceiling, 0), ID_MAX - 1)


def _page(found: Sequence[Any], rank: Rank, limit: int) -> Found[Any]:
    after = Rank(rank.ceiling, rank.offset + limit) if len(found) > limit else None
    return Found(found[:limit], after)
