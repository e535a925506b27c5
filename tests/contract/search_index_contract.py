"""What every search index must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountClosed,
    AccountOpened,
    Event,
    Profile,
    ProfileChanged,
    Recorded,
)
from domain.ids import EventId, PostId
from domain.search_query import parse_people, parse_query
from projections.search_index import SEARCH_INDEX, Rank, SearchIndex
from projections.windows import Window
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.histories import deliveries, histories

ADA, BOB, EVE = facts.account("ada"), facts.account("bob"), facts.account("eve")
EVERYTHING = Window()
QUERIES = (
    "hello", "morning", "#news", "天气", '"a #news"', "from:ada", "-from:bob hello", "look -#news",
    "has:links", "of morning ok", "@bob", "-has:links from:cleo", '#morning -"of ok"',
)  # fmt: skip
# An edit or deletion only happens to one's own post, a closing once in ten.
DOINGS = (
    *("tweet",) * 4, *("reply",) * 2, *("edit",) * 8, *("delete",) * 3, "profile", *("close",) * 5,
)  # fmt: skip
PEOPLE_QUERIES = ("a", "ada", "bob 1", "eve ev", "1")


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=facts.account(name))


def opened_as(name: str, handle: str, display_name: str) -> AccountOpened:
    return AccountOpened(
        event_id=EventId(facts.account(name)),
        actor_id=facts.account(name),
        handle_key=f"key-of-{handle}",
        personal=Profile(handle, display_name),
    )


async def apply(store: SearchIndex, *events: Event) -> None:
    """Record these events in a log of their own and deliver it whole."""
    await deliver(SEARCH_INDEX, store, facts.recorded(events))


async def found(store: SearchIndex, query: str, window: Window = EVERYTHING) -> list[PostId]:
    return list(await store.newest_posts(parse_query(query), window, 100))


async def ranked(store: SearchIndex, query: str) -> list[PostId]:
    return list((await store.relevant_posts(parse_query(query), None, 100)).ids)


async def people(store: SearchIndex, query: str) -> list[int]:
    return list((await store.accounts(parse_people(query), None, 100)).ids)


async def view(store: SearchIndex) -> tuple[object, ...]:
    """Everything the port answers to a few queries about the world of `histories`."""
    return (
        [await found(store, query) for query in QUERIES],
        [await ranked(store, query) for query in QUERIES],
        [await people(store, query) for query in PEOPLE_QUERIES],
    )


class SearchIndexContract(StoreContract):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[SearchIndex]]: ...

    @pytest.fixture
    async def store(
        self, empty_store: Callable[[], AbstractAsyncContextManager[SearchIndex]]
    ) -> AsyncIterator[SearchIndex]:
        async with empty_store() as store:
            yield store

    async def test_from_finds_an_authors_posts_whichever_came_first(
        self, store: SearchIndex
    ) -> None:
        mine, other = facts.tweet("ada", "hello"), facts.tweet("bob", "hello")
        await apply(store, mine, other)
        await apply(store, opened_as("ada", "Ada_L", "Ada"), opened_as("bob", "bob", "Bob"))

        assert await found(store, "from:aDA_l") == [mine.post_id]
        assert await found(store, "hello from:@bob") == [other.post_id]
        assert await found(store, "from:bob from:ada_l") == [other.post_id, mine.post_id]
        assert await found(store, "hello from:nobody") == []
        assert await found(store, "hello -from:ada_l -from:nobody") == [other.post_id]

    async def test_from_follows_the_latest_handle(self, store: SearchIndex) -> None:
        post = facts.tweet("ada", "hello")
        renamed = ProfileChanged(
            event_id=facts.event_id(), actor_id=ADA, personal=Profile("countess", "Ada")
        )
        log = facts.recorded([facts.opened("ada"), renamed, post])

        await deliver(SEARCH_INDEX, store, log[:1], log[1:], log[:1])

        assert await found(store, "from:countess") == [post.post_id]
        assert await found(store, "from:ada") == []

    async def test_replies_are_found_too(self, store: SearchIndex) -> None:
        post = facts.tweet("ada", "question")
        answer = facts.reply("bob", post, "answer")
        await apply(store, post, answer)

        assert await found(store, "answer") == [answer.post_id]

    async def test_an_edit_replaces_the_text_whenever_it_comes(self, store: SearchIndex) -> None:
        post = facts.tweet("ada", "first words")
        log = facts.recorded([post, facts.edited(post, "second"), facts.edited(post, "third")])

        await deliver(SEARCH_INDEX, store, log[2:], log[:1], log[1:2])

        assert await found(store, "first") == await found(store, "second") == []
        assert await found(store, "third") == [post.post_id]

    async def test_a_post_may_be_posted_edited_and_deleted_in_one_batch(
        self, store: SearchIndex
    ) -> None:
        kept, gone = facts.tweet("ada", "alpha"), facts.tweet("ada", "alpha")
        await apply(store, kept, gone, facts.edited(kept, "beta"), facts.deleted(gone))

        assert await found(store, "alpha") == []
        assert await found(store, "beta") == [kept.post_id]

    async def test_a_deleted_post_is_never_found_also_when_the_deletion_comes_first(
        self, store: SearchIndex
    ) -> None:
        post = facts.tweet("ada", "hello")
        log = facts.recorded([post, facts.edited(post, "hello again"), facts.deleted(post)])

        await deliver(SEARCH_INDEX, store, log[2:], log[:2])

        assert await found(store, "hello") == []

    async def test_a_closed_account_and_its_posts_are_never_found(self, store: SearchIndex) -> None:
        early, late = facts.tweet("ada", "hello"), facts.tweet("ada", "hello")
        await apply(store, facts.opened("ada"), early, closed("ada"), late)

        assert await found(store, "hello") == []
        assert await found(store, "from:ada") == []
        assert await people(store, "ada") == []

    async def test_an_erased_text_is_not_indexed(self, store: SearchIndex) -> None:
        await apply(store, msgspec.structs.replace(facts.tweet("ada"), personal=None))

        assert await found(store, "since:2000-01-01") == []

    async def test_pages_of_the_newest_are_cut_by_ids(self, store: SearchIndex) -> None:
        posts = [facts.tweet("ada", f"tick {number}") for number in range(5)]
        await apply(store, *posts)
        ids = [post.post_id for post in posts]
        query = parse_query("tick")

        assert list(await store.newest_posts(query, EVERYTHING, 2)) == [ids[4], ids[3]]
        assert list(await store.newest_posts(query, Window(max_id=ids[3]), 2)) == [ids[2], ids[1]]
        assert list(await store.newest_posts(query, Window(since_id=ids[1]), 2)) == [ids[4], ids[3]]
        assert list(await store.newest_posts(query, Window(min_id=ids[1]), 2)) == [ids[3], ids[2]]

    async def test_relevance_finds_any_word_and_the_rare_one_counts(
        self, store: SearchIndex
    ) -> None:
        rare = facts.tweet("ada", "an okapi")
        both = facts.tweet("ada", "the okapi sleeps")
        common = [facts.tweet("bob", f"the day {number}") for number in range(5)]
        others = [facts.tweet("bob", f"nothing {number}") for number in range(20)]
        await apply(store, rare, both, *common, *others)

        newest_first = [post.post_id for post in reversed(common)]
        assert await ranked(store, "the okapi") == [both.post_id, rare.post_id, *newest_first]

    async def test_relevance_never_leaves_out_phrases_tags_authors_and_exclusions(
        self, store: SearchIndex
    ) -> None:
        right = facts.tweet("ada", "red herring #fish")
        wrong = [
            facts.tweet("bob", "red herring #fish"),
            facts.tweet("ada", "herring red #fish"),
            facts.tweet("ada", "red herring"),
            facts.tweet("ada", "red herring smoked #fish"),
        ]
        await apply(store, facts.opened("ada"), facts.opened("bob"), right, *wrong)

        query = '"red herring" #fish from:ada -smoked herring whatever'
        assert await ranked(store, query) == [right.post_id]

    async def test_pages_of_the_relevant_do_not_shift_when_posts_come(
        self, store: SearchIndex
    ) -> None:
        posts = [facts.tweet("ada", "tick") for _ in range(5)]
        ids = [post.post_id for post in posts]
        query = parse_query("tick")
        await apply(store, *posts)

        first = await store.relevant_posts(query, None, 2)
        await apply(store, facts.tweet("bob", "tick"))
        second = await store.relevant_posts(query, first.next, 2)
        third = await store.relevant_posts(query, second.next, 2)

        assert [*first.ids, *second.ids, *third.ids] == ids[::-1]
        assert third.next is None

    async def test_a_cursor_from_a_stranger_does_no_harm(self, store: SearchIndex) -> None:
        await apply(store, facts.opened("ada"), facts.tweet("ada", "tick"))

        for rank in (Rank(-1, -1), Rank(2**80, 2**80), Rank(0, 0)):
            await store.relevant_posts(parse_query("tick"), rank, 2)
            await store.accounts(parse_people("ada"), rank, 2)

    async def test_applying_twice_is_applying_once(self, store: SearchIndex) -> None:
        post = facts.tweet("ada", "hello #news")
        log = facts.recorded(
            [facts.opened("ada"), post, facts.edited(post, "look of #news"), facts.tweet("bob")]
        )

        await deliver(SEARCH_INDEX, store, log)
        once = await view(store)
        await deliver(SEARCH_INDEX, store, log, [*log, *log])

        assert await view(store) == once

    @settings(max_examples=60)
    @given(data=st.data())
    def test_every_delivery_of_a_history_gives_the_same_view(
        self,
        empty_store: Callable[[], AbstractAsyncContextManager[SearchIndex]],
        data: st.DataObject,
    ) -> None:
        history = data.draw(histories(min_steps=25, doings=DOINGS))
        shuffled = data.draw(deliveries(history))

        async def view_after(batches: Sequence[Sequence[Recorded]]) -> tuple[object, ...]:
            async with empty_store() as store:
                await deliver(SEARCH_INDEX, store, *batches)
                return await view(store)

        assert asyncio.run(view_after(shuffled)) == asyncio.run(view_after([history]))
