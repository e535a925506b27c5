"""What is cached stays what the store says, whatever is applied: on stores that answer at once.

The same on the engines is in test_cached_*.py; what a store is, a cache does not know.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import msgspec
import pytest

from domain.ids import AccountId, PostId
from domain.objects import AccountViewer, PostViewer
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.sqlite.author_timelines import SqliteAuthorTimelines
from infra.sqlite.follower_graph import SqliteFollowerGraph
from infra.sqlite.post_cards import SqlitePostCards
from projections.post_cards import POST_CARDS, AddPost, Operation, project
from projections.projection import StoreUnavailable
from tests.cluster.cached import (
    BesideRedis,
    Compared,
    ComparedCards,
    ComparedDirectory,
    ComparedGraph,
    ComparedTimelines,
    caches_on,
)
from tests.cluster.examples import fewer_examples
from tests.contract.account_directory_contract import AccountDirectoryContract
from tests.contract.author_timelines_contract import AuthorTimelinesContract
from tests.contract.follower_graph_contract import FollowerGraphContract
from tests.contract.post_cards_contract import PostCardsContract, closed
from tests.contract.projecting import deliver
from tests.facts import deleted, edited, liked, recorded, reply, reposted, tweet, unliked

_DONE = """SELECT post_id, liked > 0, reposted > 0, bookmarked > 0 FROM reactions
WHERE account_id = ? ORDER BY post_id DESC LIMIT ?"""
_WRITTEN = "SELECT post_id FROM posts WHERE author_id = ?"
_DONE_WITH = "SELECT post_id FROM reactions WHERE account_id = ?"
_TIED = "SELECT other_id FROM ties WHERE account_id = ?"


class CardsInHalves(SqlitePostCards):
    """As a store is to be that has a cache before it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path
        self._referred: dict[PostId, list[PostId]] = {}

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        await super().apply(operations, checkpoint)
        for one in operations:
            if isinstance(one, AddPost):
                referred = one.in_reply_to_id, one.quote_of_id
                self._referred[one.post_id] = [post for post in referred if post is not None]

    async def viewers(
        self, reader_id: AccountId, post_ids: Collection[PostId]
    ) -> Mapping[PostId, bytes]:
        done = await self.newest_viewers(reader_id, -1)
        return {post_id: did for post_id, did in done.items() if post_id in post_ids}

    async def newest_viewers(self, reader_id: AccountId, limit: int) -> Mapping[PostId, bytes]:
        with closing(sqlite3.connect(self._path)) as rows:
            done = rows.execute(_DONE, (reader_id, limit)).fetchall()
        return {post_id: msgspec.json.encode(PostViewer(*map(bool, did))) for post_id, *did in done}

    async def referred(self, post_ids: Collection[PostId]) -> Mapping[PostId, Sequence[PostId]]:
        return {one: self._referred[one] for one in post_ids if one in self._referred}

    async def closing(
        self, account_id: AccountId, limit: int
    ) -> tuple[list[PostId], list[PostId]] | None:
        with closing(sqlite3.connect(self._path)) as rows:
            found = [
                [post_id for (post_id,) in rows.execute(asked, (account_id,))]
                for asked in (_WRITTEN, _DONE_WITH)
            ]
        return None if sum(map(len, found)) > limit else (found[0], found[1])


class GraphOfMany(SqliteFollowerGraph):
    """As a store is to be that has a cache before it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    async def closing(self, account_id: AccountId, limit: int) -> list[AccountId] | None:
        with closing(sqlite3.connect(self._path)) as rows:
            others = [other for (other,) in rows.execute(_TIED, (account_id,))]
        return None if len(others) > limit else others

    async def relations_of(
        self, pairs: Sequence[tuple[AccountId, AccountId]]
    ) -> Mapping[tuple[AccountId, AccountId], AccountViewer]:
        return {
            (reader, one): viewer
            for reader, account in pairs
            for one, viewer in (await self.relations(reader, [account])).items()
        }


class OnSqlite(BesideRedis):
    """A contract's `opened` and `empty_store`."""

    kind: ClassVar[Callable[..., Any]]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        with TemporaryDirectory() as folder, closing(self._made(folder)) as store:
            async with caches_on(self.redis_port) as another:
                yield type(self).compared(store, another(), fills=True)

    @pytest.fixture
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[Any]]:
        return self.opened

    def _made(self, folder: str) -> Any:
        store = type(self).kind(Path(folder) / "store.db")
        # As stores on engines have them.
        store.create = store.drop = None
        return store


class TestCachedPostCards(OnSqlite, PostCardsContract):
    kind = CardsInHalves
    compared = ComparedCards
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        PostCardsContract.test_any_delivery_of_a_history_gives_what_the_history_says, 4
    )

    async def test_each_event_is_seen_as_soon_as_it_is_applied(self, store: ComparedCards) -> None:
        post = tweet("ada", "news")
        answer, quote = reply("bob", post, "no"), tweet("cleo", "look", quoting=post)
        doings = liked("bob", post), reposted("cleo", post), unliked("bob", post)
        ends = deleted(answer), deleted(quote), deleted(post)
        events = post, answer, quote, edited(post, "more news"), *doings, *ends
        history = recorded(events)

        for one in history:
            await deliver(POST_CARDS, store, [one])

        assert await store.cards([post.post_id], None) == {}

    async def test_a_closing_leaves_what_it_does_not_concern_in_the_cache(
        self, store: ComparedCards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post, other = tweet("ada", "news"), tweet("bob", "other news")
        history = recorded([post, other, liked("cleo", post), closed("cleo")])
        await deliver(POST_CARDS, store, history[:-1])
        store.compares = False
        await store.cards([post.post_id, other.post_id], None)
        await store.caches.settle()

        await super(Compared, store).apply(project(history[-1:]), {0: 4})
        monkeypatch.setattr(store.within, "cards", None)

        assert other.post_id in await store.cards([other.post_id], None)
        with pytest.raises(TypeError):
            await store.cards([post.post_id], None)

    async def test_what_all_read_while_it_is_written_costs_the_store_one_read(
        self, store: ComparedCards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post = tweet("ada", "news")
        await deliver(POST_CARDS, store, recorded([post]))
        cards, asked = store.within.cards, list[object]()

        async def noted(*of: Any) -> Any:
            asked.append(of)
            return await cards(*of)

        monkeypatch.setattr(store.within, "cards", noted)
        async with store._cache.bars.over([store._cards.key(post.post_id)]):  # noqa: SLF001
            pages = await asyncio.gather(*(store.cards([post.post_id], None) for _ in range(50)))

        assert len(asked) == 1
        assert all(post.post_id in page for page in pages)

    async def test_the_checkpoint_moves_when_all_read_what_it_includes(
        self, store: ComparedCards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.compares = False
        apply, seen = store.within.apply, list[Any]()
        post = tweet("ada", "news")
        assert await store.cards([post.post_id], None) == {}
        await store.caches.settle()

        async def noting(operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
            if checkpoint:
                seen.append(await store.cards([post.post_id], None))
            await apply(operations, checkpoint)

        monkeypatch.setattr(store.within, "apply", noting)
        await super(Compared, store).apply(project(recorded([post])), {0: 1})

        assert [post.post_id in cards for cards in seen] == [True]
        assert await store.checkpoint() == {0: 1}

    async def test_an_outage_before_the_checkpoint_leaves_nothing_old_in_the_cache(
        self, store: ComparedCards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.compares = False
        post = tweet("ada", "news")
        assert await store.cards([post.post_id], None) == {}
        await store.caches.settle()
        apply = store.within.apply

        async def failing(operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
            if checkpoint:
                raise StoreUnavailable("the checkpoint does not move")
            await apply(operations, checkpoint)

        monkeypatch.setattr(store.within, "apply", failing)
        with pytest.raises(StoreUnavailable):
            await super(Compared, store).apply(project(recorded([post])), {0: 1})

        assert post.post_id in await store.cards([post.post_id], None)
        assert await store.checkpoint() == {}

    async def test_what_is_posted_is_cached_before_anybody_asks(
        self, store: ComparedCards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.compares = False
        post = tweet("ada", "news")
        await super(Compared, store).apply(project(recorded([post])), {0: 1})
        await store.caches.settle()
        await store.caches.settle()
        monkeypatch.setattr(store.within, "cards", None)

        assert post.post_id in await store.cards([post.post_id], None)


class TestCachedAuthorTimelines(OnSqlite, AuthorTimelinesContract):
    kind = SqliteAuthorTimelines
    compared = ComparedTimelines
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        AuthorTimelinesContract.test_any_delivery_of_a_history_gives_what_the_history_says, 4
    )


class TestCachedFollowerGraph(OnSqlite, FollowerGraphContract):
    kind = GraphOfMany
    compared = ComparedGraph
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        FollowerGraphContract.test_any_delivery_of_a_history_gives_what_the_history_says, 4
    )


class TestCachedAccountDirectory(OnSqlite, AccountDirectoryContract):
    kind = SqliteAccountDirectory
    compared = ComparedDirectory
    test_every_delivery_of_a_history_gives_the_same_view = fewer_examples(
        AccountDirectoryContract.test_every_delivery_of_a_history_gives_the_same_view, 4
    )
