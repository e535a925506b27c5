"""What every store of home timelines must do, whatever engine it is on."""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    Event,
    Recorded,
    RelationshipFact,
    ReplyPosted,
    RepostAdded,
    TweetPosted,
)
from domain.ids import AccountId, ItemId, PostId
from projections.home_timelines import (
    HOME_TIMELINES,
    PLACES_MAX,
    HomeTimelines,
    Whereabouts,
)
from projections.items import Item
from projections.windows import Window
from tests import facts
from tests.contract.projecting import deliver
from tests.facts import deleted, reply, reposted, tweet, unreposted
from tests.histories import PEOPLE, deliveries, histories
from tests.model.home import Homes

ADA, BOB, CLEO = (facts.account(name) for name in ("ada", "bob", "cleo"))
EVERYBODY = [facts.account(name) for name in PEOPLE]
ALL = Window()
THRESHOLDS = (0, 2, math.inf)
DOINGS = (
    "tweet", "tweet", "reply", "repost", "repost", "unrepost", "delete", "close",
    "relate", "relate", "relate", "relate", "relate", "unrelate", "unrelate", "unrelate",
)  # fmt: skip


class Opened(Protocol):
    """A store in use."""

    @property
    def store(self) -> HomeTimelines:
        """The store as it is open now."""

    async def reopen(self, threshold: float) -> None:
        """Let go of the store, as a dying process does, and open it again."""

    async def settle(self) -> None:
        """Return when whatever reading has begun in the background is done."""

    async def pass_days(self, days: int) -> None:
        """Let the store's clock go on."""


async def follow(opened: Opened, log: facts.Log, *names: str) -> None:
    """Each of these people follows the next one."""
    for follower, followee in pairwise(names):
        await relate(opened, log, AccountFollowed, follower, followee)


async def relate(
    opened: Opened, log: facts.Log, fact: type[RelationshipFact], actor: str, target: str
) -> None:
    await deliver(HOME_TIMELINES, opened.store, log.relate(fact, actor, target))


async def happen(opened: Opened, log: facts.Log, *events: Event) -> None:
    await deliver(HOME_TIMELINES, opened.store, log.record(*events))


def item_of(event: TweetPosted | RepostAdded) -> Item:
    """Where it stands in homes."""
    item_id = ItemId(event.event_id)
    if isinstance(event, RepostAdded):
        return Item(item_id, event.post_id, event.post_author_id, event.actor_id)
    return Item(item_id, event.post_id, event.actor_id, None)


async def home(opened: Opened, reader: AccountId = ADA) -> Sequence[Item]:
    return await opened.store.page(reader, ALL, 100)


async def posts(opened: Opened, reader: AccountId = ADA) -> list[int]:
    return [item.post_id for item in await home(opened, reader)]


async def be_kept_ready(opened: Opened, reader: AccountId = ADA) -> None:
    """A first read asks for a cache; after it, posts are pushed to the reader."""
    await home(opened, reader)
    await opened.settle()


async def scrolled(store: HomeTimelines, reader: AccountId, size: int) -> list[Item]:
    """The whole home, page by page to the very first post."""
    items: list[Item] = []
    window = ALL
    while page := await store.page(reader, window, size):
        assert len(page) <= size
        items += page
        window = Window(max_id=page[-1].item_id)
    return items


async def scrolled_up(store: HomeTimelines, reader: AccountId, size: int) -> list[Item]:
    """The whole home, page by page from the very first post to the newest."""
    items: list[Item] = []
    window = Window(min_id=0)
    while page := await store.page(reader, window, size):
        items = [*page, *items]
        window = Window(min_id=page[0].item_id)
    return items


async def found_items(
    store: HomeTimelines, reader: AccountId, history: Sequence[Recorded]
) -> list[Item]:
    """Wherever posts of the history are found in a home, newest first."""
    events = [one.event for one in history]
    posts = {e.post_id for e in events if isinstance(e, TweetPosted | ReplyPosted | RepostAdded)}
    found = [await store.find(reader, post_id) for post_id in posts]
    return sorted((place.item for one in found for place in one.places), reverse=True)


class HomeTimelinesContract(ABC):
    """Subclass with `opened`."""

    @abstractmethod
    def opened(
        self, *, threshold: float = math.inf, depth: int = 800
    ) -> AbstractAsyncContextManager[Opened]:
        """An empty store, readers active for 14 days; gone at the end."""

    @pytest.fixture(params=THRESHOLDS, ids=["all-pull", "two", "all-push"])
    async def at(self, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
        async with self.opened(threshold=request.param) as opened:
            yield opened

    @pytest.fixture(params=[False, True], ids=["pulled", "kept-ready"])
    async def seen(self, at: Opened, request: pytest.FixtureRequest) -> Opened:
        """Ada's home is read before anything happens, or not."""
        if request.param:
            await be_kept_ready(at)
        return at

    async def test_a_home_has_own_posts_and_those_of_the_followed(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        mine, theirs, strangers = tweet("ada"), tweet("bob"), tweet("cleo")

        await happen(seen, log, mine, theirs, strangers)

        assert await home(seen) == [item_of(theirs), item_of(mine)]

    async def test_replies_to_others_stay_out_and_threads_are_in(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob", "cleo")
        first, other = tweet("bob"), tweet("cleo")
        thread, answer = reply("bob", first), reply("bob", other)

        await happen(seen, log, first, other, thread, answer)

        assert await posts(seen) == [thread.post_id, first.post_id]

    async def test_a_repost_stands_under_its_own_id(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        post, later = tweet("cleo"), tweet("bob")
        again = reposted("bob", post)

        await happen(seen, log, post, later, again)

        assert await home(seen) == [item_of(again), item_of(later)]

    async def test_a_repost_that_was_taken_back_and_made_again_stands_once(
        self, seen: Opened
    ) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        post = tweet("cleo")
        await happen(seen, log, post, reposted("bob", post), unreposted("bob", post))
        gone = await home(seen)
        again = reposted("bob", post)

        await happen(seen, log, again)

        assert gone == []
        assert await home(seen) == [item_of(again)]

    async def test_a_follow_brings_what_was_posted_before(self, seen: Opened) -> None:
        log = facts.Log()
        post = tweet("bob")
        await happen(seen, log, post)

        await follow(seen, log, "ada", "bob")

        assert await posts(seen) == [post.post_id]

    async def test_an_unfollow_takes_posts_away_and_a_new_follow_brings_all_back(
        self, seen: Opened
    ) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        before, between = tweet("bob"), tweet("bob")
        await happen(seen, log, before)
        await relate(seen, log, AccountUnfollowed, "ada", "bob")
        away = await posts(seen)
        await happen(seen, log, between)

        await follow(seen, log, "ada", "bob")

        assert away == []
        assert await posts(seen) == [between.post_id, before.post_id]

    @pytest.mark.parametrize("blocker", ["ada", "bob"])
    async def test_a_block_hides_either_from_the_other_and_restores_no_follow(
        self, seen: Opened, blocker: str
    ) -> None:
        log = facts.Log()
        blocked = "bob" if blocker == "ada" else "ada"
        await follow(seen, log, "ada", "bob")
        await follow(seen, log, "ada", "cleo")
        post, other = tweet("bob"), tweet("cleo")
        await happen(seen, log, post, other, reposted("cleo", post))

        await relate(seen, log, AccountBlocked, blocker, blocked)

        assert await posts(seen) == [other.post_id]
        await relate(seen, log, AccountUnblocked, blocker, blocked)
        assert await posts(seen) == [post.post_id, other.post_id]  # the first one as a repost

    async def test_a_mute_hides_posts_and_reposts_of_them_from_the_muter_alone(
        self, seen: Opened
    ) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob", "ada")
        await follow(seen, log, "ada", "cleo")
        post, mine = tweet("bob"), tweet("ada")
        await happen(seen, log, post, mine, reposted("cleo", post))

        await relate(seen, log, AccountMuted, "ada", "bob")

        assert await posts(seen) == [mine.post_id]
        assert await posts(seen, BOB) == [mine.post_id, post.post_id]

    async def test_an_unmute_brings_back_what_came_before_and_meanwhile(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        await follow(seen, log, "ada", "cleo")
        before, meanwhile = tweet("bob"), tweet("bob")
        await happen(seen, log, before)
        await relate(seen, log, AccountMuted, "ada", "bob")
        again = reposted("cleo", before)
        await happen(seen, log, meanwhile, again)

        await relate(seen, log, AccountUnmuted, "ada", "bob")

        assert [item.item_id for item in await home(seen)] == [
            again.event_id,
            meanwhile.post_id,
            before.post_id,
        ]

    async def test_a_rebuild_under_a_mute_loses_nothing_for_later(self, at: Opened) -> None:
        log = facts.Log()
        await follow(at, log, "ada", "cleo")
        post = tweet("bob")
        again = reposted("cleo", post)
        await happen(at, log, post, again)
        await relate(at, log, AccountMuted, "ada", "bob")
        await be_kept_ready(at)

        await relate(at, log, AccountUnmuted, "ada", "bob")

        assert await home(at) == [item_of(again)]

    async def test_a_deleted_post_is_gone_with_its_reposts(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        await follow(seen, log, "ada", "cleo")
        post, kept = tweet("bob"), tweet("bob")
        await happen(seen, log, post, kept, reposted("cleo", post))

        await happen(seen, log, deleted(post))

        assert await posts(seen) == [kept.post_id]

    async def test_a_deletion_may_come_before_what_it_deletes(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        post = tweet("bob")
        born, shared, gone = log.record(post, reposted("bob", post), deleted(post))

        await deliver(HOME_TIMELINES, seen.store, [gone], [shared], [born])

        assert await home(seen) == []

    async def test_a_closed_account_disappears_from_homes(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob", "ada")
        await follow(seen, log, "ada", "cleo")
        post, mine = tweet("bob"), tweet("ada")
        await happen(seen, log, post, mine, reposted("cleo", post))

        await happen(seen, log, AccountClosed(event_id=facts.event_id(), actor_id=BOB))

        assert await posts(seen) == [mine.post_id]
        assert await posts(seen, BOB) == []

    async def test_an_old_post_that_comes_late_stands_where_it_belongs(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        late, first, second = (tweet("bob") for _ in range(3))
        await happen(seen, log, first, second)

        await happen(seen, log, late)

        assert await posts(seen) == [second.post_id, first.post_id, late.post_id]

    async def test_windows_bound_a_page(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        made = [tweet("bob") for _ in range(6)]
        ids = [post.post_id for post in made]
        await happen(seen, log, *made)

        async def page(window: Window, limit: int = 2) -> list[int]:
            return [item.post_id for item in await seen.store.page(ADA, window, limit)]

        assert await page(Window(max_id=ids[4])) == [ids[3], ids[2]]
        assert await page(Window(since_id=ids[2])) == [ids[5], ids[4]]
        assert await page(Window(min_id=ids[2])) == [ids[4], ids[3]]
        assert await page(Window(max_id=ids[4], since_id=ids[2]), 9) == [ids[3]]
        assert await page(Window(max_id=ids[4], min_id=ids[1]), 1) == [ids[2]]
        assert await page(Window(since_id=ids[5])) == []

    @pytest.mark.parametrize("threshold", THRESHOLDS)
    async def test_scrolling_goes_beyond_what_is_kept_ready_to_the_very_first_post(
        self, threshold: float
    ) -> None:
        async with self.opened(threshold=threshold, depth=5) as opened:
            log = facts.Log()
            await follow(opened, log, "ada", "bob")
            await follow(opened, log, "ada", "cleo")
            await be_kept_ready(opened)
            made = [tweet("cleo" if number % 3 else "bob") for number in range(40)]
            for post in made:
                await happen(opened, log, post)

            for size in (1, 3, 100):
                items = await scrolled(opened.store, ADA, size)
                assert [item.post_id for item in items] == [p.post_id for p in made[::-1]]
                assert await scrolled_up(opened.store, ADA, size) == items

    @pytest.mark.parametrize("kept_ready_before", [True, False])
    @pytest.mark.parametrize("threshold", THRESHOLDS)
    async def test_a_follow_of_someone_with_more_posts_than_are_kept_leaves_no_gap(
        self, threshold: float, kept_ready_before: bool
    ) -> None:
        async with self.opened(threshold=threshold, depth=4) as opened:
            log = facts.Log()
            made = [tweet("ada"), *(tweet("bob") for _ in range(12))]
            await happen(opened, log, *made)
            if kept_ready_before:
                await be_kept_ready(opened)

            await follow(opened, log, "ada", "bob")
            await be_kept_ready(opened)

            items = await scrolled(opened.store, ADA, 3)
            assert [item.post_id for item in items] == [p.post_id for p in made[::-1]]

    async def test_someone_large_can_be_followed_too(self) -> None:
        async with self.opened(threshold=2) as opened:
            log = facts.Log()
            await follow(opened, log, "cleo", "bob")
            await follow(opened, log, "dan", "bob")
            await be_kept_ready(opened)
            before, after = tweet("bob"), tweet("bob")
            await happen(opened, log, before)

            await follow(opened, log, "ada", "bob")
            await happen(opened, log, after)

            assert await posts(opened) == [after.post_id, before.post_id]

    async def test_the_latest_event_of_a_pair_counts_whenever_it_comes(self, seen: Opened) -> None:
        log = facts.Log()
        first, second = tweet("bob"), tweet("cleo")
        log.record(first, second)
        log.relate(AccountFollowed, "ada", "bob")
        log.relate(AccountMuted, "ada", "bob")
        log.relate(AccountUnmuted, "ada", "bob")
        log.relate(AccountFollowed, "ada", "cleo")
        log.relate(AccountUnfollowed, "ada", "cleo")

        for recorded in log.recorded[::-1]:
            await deliver(HOME_TIMELINES, seen.store, [recorded])

        assert await home(seen) == [item_of(first)]

    async def test_an_author_who_becomes_large_and_small_again_loses_nothing(self) -> None:
        async with self.opened(threshold=3) as opened:
            log = facts.Log()
            await follow(opened, log, "ada", "bob")
            await be_kept_ready(opened)
            small, large, again = tweet("bob"), tweet("bob"), tweet("bob")
            await happen(opened, log, small)

            await follow(opened, log, "cleo", "bob")
            await follow(opened, log, "dan", "bob")
            await happen(opened, log, large)
            when_large = await posts(opened)
            for name in ("cleo", "dan"):
                await relate(opened, log, AccountUnfollowed, name, "bob")
            await happen(opened, log, again)

            assert when_large == [large.post_id, small.post_id]
            assert await posts(opened) == [again.post_id, large.post_id, small.post_id]

    async def test_another_threshold_after_a_restart_loses_nothing(self) -> None:
        async with self.opened(threshold=math.inf) as opened:
            log = facts.Log()
            await follow(opened, log, "ada", "bob")
            await be_kept_ready(opened)
            made = [tweet("bob") for _ in range(4)]

            for post, threshold in zip(made, (0, 2, math.inf, 0), strict=True):
                await happen(opened, log, post)
                await opened.reopen(threshold)

                known = made[: made.index(post) + 1]
                assert await posts(opened) == [p.post_id for p in known[::-1]]

    async def test_an_eviction_shows_nowhere(self, at: Opened) -> None:
        log = facts.Log()
        await follow(at, log, "ada", "bob")
        await be_kept_ready(at)
        before, after = tweet("bob"), tweet("bob")
        await happen(at, log, before)

        await at.store.evict([ADA, CLEO])

        assert await posts(at) == [before.post_id]
        await happen(at, log, after)
        assert await posts(at) == [after.post_id, before.post_id]

    async def test_a_reader_who_was_away_for_long_finds_everything(self, at: Opened) -> None:
        log = facts.Log()
        await follow(at, log, "ada", "bob")
        await be_kept_ready(at)
        first, missed, last = tweet("bob"), tweet("bob"), tweet("bob")
        await happen(at, log, first)
        await at.pass_days(30)
        await happen(at, log, missed)
        await happen(at, log, last)

        assert await posts(at) == [last.post_id, missed.post_id, first.post_id]

    async def test_whoever_follows_many_reads_the_same(self, at: Opened) -> None:
        """Some engines find the pages of such readers in another way."""
        log = facts.Log()
        made = [tweet("bob"), *(tweet("cleo") for _ in range(1_100)), tweet("bob")]
        await happen(at, log, *made)
        strangers = [AccountId(facts.event_id()) for _ in range(1_200)]
        await happen(at, log, *(facts.followed_stranger(ADA, other) for other in [*strangers, BOB]))

        assert await posts(at) == [made[-1].post_id, made[0].post_id]
        assert await scrolled(at.store, ADA, 1) == [item_of(made[-1]), item_of(made[0])]
        assert await scrolled_up(at.store, ADA, 1) == [item_of(made[-1]), item_of(made[0])]

    async def test_a_post_is_found_where_it_stands(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        await follow(seen, log, "ada", "cleo")
        post, strange = tweet("bob"), tweet("dan")
        again, shared = reposted("cleo", post), reposted("bob", strange)
        mine = reposted("ada", post)
        await happen(seen, log, post, strange, again, shared, mine)

        found = await seen.store.find(ADA, post.post_id)
        by_others = await seen.store.find(ADA, strange.post_id)
        unknown = await seen.store.find(ADA, PostId(facts.event_id()))

        assert (found.author_id, found.deleted) == (BOB, False)
        assert [place.item for place in found.places] == [
            item_of(mine),
            item_of(again),
            item_of(post),
        ]
        assert [place.item for place in by_others.places] == [item_of(shared)]
        assert unknown == Whereabouts(None, False, [])

    async def test_the_id_of_a_repost_is_that_of_no_post(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "cleo")
        post = tweet("bob")
        again = reposted("cleo", post)
        await happen(seen, log, post, again)

        found = await seen.store.find(ADA, PostId(item_of(again).item_id))

        assert found == Whereabouts(None, False, [])

    async def test_a_deleted_post_is_found_to_be_deleted(self, seen: Opened) -> None:
        log = facts.Log()
        await follow(seen, log, "ada", "bob")
        post = tweet("bob")
        await happen(seen, log, post, deleted(post))

        assert await seen.store.find(ADA, post.post_id) == Whereabouts(None, True, [])

    async def test_a_post_is_found_with_how_a_page_gets_it(self) -> None:
        async with self.opened(threshold=2, depth=4) as opened:
            log = facts.Log()
            await follow(opened, log, "cleo", "bob", "ada", "eve")
            await follow(opened, log, "ada", "bob")
            made = [tweet("bob"), *(tweet("eve") for _ in range(9))]
            await happen(opened, log, *made)
            large, oldest, newest = made[0], made[1], made[-1]

            async def source(post: TweetPosted) -> str:
                (place,) = (await opened.store.find(ADA, post.post_id)).places
                return place.source

            assert await source(newest) == "away"
            await be_kept_ready(opened)
            assert await source(newest) == "pushed"
            assert await source(oldest) == "trimmed"
            assert await source(large) == "trimmed"
            later = tweet("bob")
            await happen(opened, log, later)
            assert await source(later) == "large"

    async def test_of_a_post_with_many_reposts_the_newest_places_are_found(self) -> None:
        async with self.opened() as opened:
            log = facts.Log()
            post = tweet("bob")
            strangers = [AccountId(facts.event_id()) for _ in range(600)]
            follows = [facts.followed_stranger(ADA, other) for other in strangers]
            shared = [replace(reposted("bob", post), actor_id=other) for other in strangers]
            await happen(opened, log, post, *follows, *shared)

            found = await opened.store.find(ADA, post.post_id)

            assert [place.item for place in found.places] == [
                item_of(repost) for repost in shared[: -PLACES_MAX - 1 : -1]
            ]

    async def test_applying_a_batch_twice_changes_nothing(self, seen: Opened) -> None:
        log = facts.Log()
        post, gone = tweet("bob"), tweet("bob")
        log.relate(AccountFollowed, "ada", "bob")
        log.record(post, gone, reposted("bob", post), deleted(gone))
        await deliver(HOME_TIMELINES, seen.store, log.recorded)
        before = await home(seen)

        await deliver(HOME_TIMELINES, seen.store, log.recorded, log.recorded[::-1])

        assert len(before) == 2
        assert await home(seen) == before

    async def test_the_checkpoint_is_kept_and_never_goes_back(self, at: Opened) -> None:
        assert await at.store.checkpoint() == {}

        await at.store.apply([], {0: 7})
        await at.store.apply([], {0: 3, 1: 2})
        await at.reopen(2)

        assert await at.store.checkpoint() == {0: 7, 1: 2}

    @pytest.mark.parametrize("threshold", THRESHOLDS)
    @settings(max_examples=60)
    @given(st.data())
    def test_at_any_moment_of_any_delivery_homes_are_what_the_events_say(
        self, threshold: float, data: st.DataObject
    ) -> None:
        history = data.draw(histories(min_steps=20, doings=DOINGS))
        batches = data.draw(deliveries(history))
        doings = st.lists(
            st.sampled_from(["read", "settle", "evict", "reopen"]).flatmap(
                lambda doing: st.tuples(st.just(doing), st.sampled_from(EVERYBODY))
            ),
            max_size=4,
        )
        between = [data.draw(doings) for _ in batches]

        async def run() -> None:
            async with self.opened(threshold=threshold, depth=3) as opened:
                known: list[Recorded] = []
                for batch, todo in zip(batches, between, strict=True):
                    await deliver(HOME_TIMELINES, opened.store, batch)
                    known += batch
                    homes = Homes(known)
                    for doing, reader in todo:
                        await _do(opened, doing, reader, threshold)
                        assert await scrolled(opened.store, reader, 2) == homes.home(reader)
                await opened.settle()
                for reader in EVERYBODY:
                    expected = Homes(known).home(reader)
                    assert await scrolled(opened.store, reader, 4) == expected
                    assert await scrolled_up(opened.store, reader, 3) == expected
                found = await found_items(opened.store, ADA, history)
                assert found == Homes(known).home(ADA)

        asyncio.run(run())


async def _do(opened: Opened, doing: str, reader: AccountId, threshold: float) -> None:
    match doing:
        case "read":
            await opened.store.page(reader, ALL, 2)
        case "evict":
            await opened.store.evict([reader])
        case "reopen":
            await opened.reopen(threshold)
        case _:
            await opened.settle()
