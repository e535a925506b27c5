"""What every `AuthorTimelines` must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountClosed,
    Event,
    PostDeleted,
    PostPosted,
    Recorded,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
)
from domain.ids import AccountId, ItemId
from projections.author_timelines import AUTHOR_TIMELINES, AuthorTimelines, PostKind
from projections.items import Item
from projections.windows import Window
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.facts import account, deleted, recorded, reply, reposted, tweet, unreposted
from tests.histories import PEOPLE, deliveries, histories

ADA, BOB, CLEO = account("ada"), account("bob"), account("cleo")
DOINGS = ("tweet", "tweet", "reply", "quote", "delete", "repost", "repost", "unrepost", "close")
KINDS: tuple[PostKind | None, ...] = ("tweet", "reply", None)
PAGE = 2


def own(post: PostPosted) -> Item:
    return Item(ItemId(post.event_id), post.post_id, post.actor_id, None)


def again(repost: RepostAdded) -> Item:
    return Item(ItemId(repost.event_id), repost.post_id, repost.post_author_id, repost.actor_id)


class Answers(NamedTuple):
    """Everything that can be asked about the people of a history, newest first."""

    timelines: dict[tuple[str, PostKind | None], list[Item]]
    public: list[Item]
    tweets: dict[AccountId, int]


def expected(history: Sequence[Recorded]) -> Answers:
    """What a store must say, told plainly from the whole set of events."""
    events = [r.event for r in history]
    closed = {e.actor_id for e in events if isinstance(e, AccountClosed)}
    gone = {e.post_id for e in events if isinstance(e, PostDeleted)}
    posts = [
        e
        for e in events
        if isinstance(e, PostPosted) and e.post_id not in gone and e.actor_id not in closed
    ]
    reposts = {
        register: e
        for register, e in newest_of_register(events).items()
        if isinstance(e, RepostAdded)
        and e.post_id not in gone
        and not {e.actor_id, e.post_author_id} & closed
    }

    def items(person: AccountId, kind: PostKind | None) -> list[Item]:
        mine = [p for p in posts if p.actor_id == person]
        found = [own(p) for p in mine if kind in {None, kind_of(p)}]
        if kind != "reply":
            found += [again(r) for r in reposts.values() if r.actor_id == person]
        return sorted(found, reverse=True)

    tweets = [p for p in posts if kind_of(p) == "tweet"]
    counts = {person: sum(p.actor_id == person for p in tweets) for person in map(account, PEOPLE)}
    return Answers(
        {(name, kind): items(account(name), kind) for name in PEOPLE for kind in KINDS},
        sorted(map(own, tweets), reverse=True),
        {person: count for person, count in counts.items() if count},
    )


def kind_of(post: PostPosted) -> PostKind:
    return "reply" if isinstance(post, ReplyPosted) else "tweet"


def newest_of_register(events: Sequence[Event]) -> dict[str, Event]:
    """Of each (account, post), the repost or un-repost with the highest id."""
    doings = (e for e in events if isinstance(e, RepostAdded | RepostRemoved))
    return {e.stream: e for e in sorted(doings, key=lambda e: e.event_id)}


async def answers(store: AuthorTimelines) -> Answers:
    """What the store says; timelines are walked in small pages."""
    counts = await store.tweet_counts([account(name) for name in PEOPLE])
    return Answers(
        {(n, k): await walked(store, account(n), k) for n in PEOPLE for k in KINDS},
        list(await store.public_page(Window(), 1_000)),
        {person: count for person, count in counts.items() if count},
    )


async def walked(store: AuthorTimelines, author: AccountId, kind: PostKind | None) -> list[Item]:
    items: list[Item] = []
    while page := await store.page(
        author, kind, Window(max_id=items[-1].item_id if items else None), PAGE
    ):
        items += page
    return items


class AuthorTimelinesContract(StoreContract):
    """Subclass with `opened`, a context that gives an empty store."""

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[AuthorTimelines]: ...

    @pytest.fixture
    async def store(self) -> AsyncIterator[AuthorTimelines]:
        async with self.opened() as store:
            yield store

    async def test_posts_come_newest_first(self, store: AuthorTimelines) -> None:
        first, second = tweet("ada"), tweet("ada")

        await deliver(AUTHOR_TIMELINES, store, recorded([first, second, tweet("bob")]))

        assert list(await store.page(ADA, "tweet", Window(), 10)) == [own(second), own(first)]

    async def test_kinds_are_kept_apart_and_tweets_come_with_reposts(
        self, store: AuthorTimelines
    ) -> None:
        post = tweet("bob")
        answer, repost = reply("ada", post), reposted("ada", post)

        await deliver(AUTHOR_TIMELINES, store, recorded([post, answer, repost]))

        assert list(await store.page(ADA, "tweet", Window(), 10)) == [again(repost)]
        assert list(await store.page(ADA, "reply", Window(), 10)) == [own(answer)]
        assert list(await store.page(ADA, None, Window(), 10)) == [again(repost), own(answer)]

    async def test_a_window_is_open_at_both_ends(self, store: AuthorTimelines) -> None:
        posts = [tweet("ada") for _ in range(5)]
        ids = [int(post.event_id) for post in posts]
        await deliver(AUTHOR_TIMELINES, store, recorded(posts))

        async def page(window: Window, limit: int = 2) -> list[int]:
            return [item.item_id for item in await store.page(ADA, "tweet", window, limit)]

        assert await page(Window(max_id=ids[3])) == [ids[2], ids[1]]
        assert await page(Window(since_id=ids[1])) == [ids[4], ids[3]]
        assert await page(Window(min_id=ids[1])) == [ids[3], ids[2]]
        assert await page(Window(max_id=ids[4], min_id=ids[0]), 10) == [ids[3], ids[2], ids[1]]

    async def test_a_post_that_was_deleted_before_it_came_never_shows(
        self, store: AuthorTimelines
    ) -> None:
        post = tweet("ada")
        came = recorded([post, reposted("bob", post), deleted(post)])

        await deliver(AUTHOR_TIMELINES, store, came[2:], came[:2])

        assert await walked(store, ADA, None) == []
        assert await walked(store, BOB, None) == []
        assert not (await store.tweet_counts([ADA])).get(ADA)

    async def test_who_reposts_again_has_it_at_its_new_place(self, store: AuthorTimelines) -> None:
        post = tweet("bob")
        first, back, second = reposted("ada", post), unreposted("ada", post), reposted("ada", post)

        await deliver(AUTHOR_TIMELINES, store, recorded([post, second, back, first]))

        assert await walked(store, ADA, "tweet") == [again(second)]

    async def test_the_public_timeline_has_tweets_only(self, store: AuthorTimelines) -> None:
        post = tweet("ada")

        await deliver(
            AUTHOR_TIMELINES, store, recorded([post, reply("bob", post), reposted("cleo", post)])
        )

        assert list(await store.public_page(Window(), 10)) == [own(post)]

    async def test_a_closed_account_takes_its_posts_and_their_reposts_along(
        self, store: AuthorTimelines
    ) -> None:
        post, mine = tweet("ada"), tweet("bob")
        closed = AccountClosed(event_id=facts.event_id(), actor_id=ADA)
        log = recorded([closed, post, reposted("bob", post), mine, reposted("ada", mine)])

        await deliver(AUTHOR_TIMELINES, store, log)

        assert await walked(store, ADA, None) == []
        assert await walked(store, BOB, None) == [own(mine)]
        assert list(await store.public_page(Window(), 10)) == [own(mine)]

    async def test_a_batch_applied_twice_changes_nothing(self, store: AuthorTimelines) -> None:
        post = tweet("ada")
        batch = recorded([post, reposted("bob", post), reply("bob", post), tweet("ada")])
        await deliver(AUTHOR_TIMELINES, store, batch)
        once = await answers(store)

        await deliver(AUTHOR_TIMELINES, store, batch, batch[::-1])

        assert await answers(store) == once

    @settings(max_examples=60)
    @given(st.data())
    def test_any_delivery_of_a_history_gives_what_the_history_says(
        self, data: st.DataObject
    ) -> None:
        history = data.draw(histories(60, min_steps=25, doings=DOINGS))
        batches = data.draw(deliveries(history))

        async def told() -> Answers:
            async with self.opened() as store:
                await deliver(AUTHOR_TIMELINES, store, *batches)
                return await answers(store)

        assert asyncio.run(told()) == expected(history)
