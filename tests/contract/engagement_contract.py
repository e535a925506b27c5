"""What all analytics tables must do, whatever engine they are on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountUnfollowed,
    Event,
    ImpressionsRecorded,
    PostPosted,
    TweetPosted,
)
from domain.ids import SEQUENCE_MAX, AccountId, EventId, compose, millis_of
from projections.engagement import BUCKET_MS, ENGAGEMENT, Bucket, Engagement, Tally
from tests import facts
from tests.contract.engagement_model import Reckoned, Subject
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.histories import deliveries, histories

ADA, BOB = facts.account("ada"), facts.account("bob")
HOUR_MS: Final = BUCKET_MS["hour"]
DAY_MS: Final = BUCKET_MS["day"]
MIDNIGHT_MS: Final = facts.NOON_MS - facts.NOON_MS % DAY_MS + 400 * DAY_MS
TAGS: Final = ("news", "morning", "天气", "tea")
# An edit or deletion only happens to one's own post, a closing once in ten.
DOINGS = (
    *("tweet",) * 3, *("reply",) * 3, *("quote",) * 2, *("edit",) * 6, *("delete",) * 2,
    *("like",) * 3, *("unlike",) * 2, *("repost",) * 2, "unrepost", *("see",) * 2,
    *("relate",) * 4, *("close",) * 8,
)  # fmt: skip
_sequences = count()


def at(event: Event, hours: float) -> Event:
    """The event, so many hours after a midnight, under an id that no other has."""
    at_ms = MIDNIGHT_MS + round(hours * HOUR_MS)
    event_id = EventId(compose(at_ms, 3, next(_sequences) & SEQUENCE_MAX))
    return msgspec.structs.replace(event, event_id=event_id)


def seen(name: str, *posts: TweetPosted) -> ImpressionsRecorded:
    return ImpressionsRecorded(
        event_id=facts.event_id(),
        actor_id=facts.account(name),
        post_ids=tuple(post.post_id for post in posts),
    )


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=facts.account(name))


async def apply(store: Engagement, *events: Event) -> None:
    """Record these events in a log of their own and deliver it whole."""
    await deliver(ENGAGEMENT, store, facts.recorded(events))


def hour(number: int, **metrics: int) -> Tally:
    return Tally(MIDNIGHT_MS + number * HOUR_MS, **metrics)


class EngagementContract(StoreContract):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[Engagement]]: ...

    @pytest.fixture
    async def store(
        self, empty_store: Callable[[], AbstractAsyncContextManager[Engagement]]
    ) -> AsyncIterator[Engagement]:
        async with empty_store() as store:
            yield store

    @staticmethod
    async def of_post(store: Engagement, post: TweetPosted) -> Sequence[Tally]:
        return await store.post_series(
            post.post_id, MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS + 9 * DAY_MS, "hour"
        )

    @staticmethod
    async def of_account(store: Engagement, account_id: AccountId) -> Sequence[Tally]:
        return await store.account_series(
            account_id, MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS + 9 * DAY_MS, "hour"
        )

    @staticmethod
    async def of_tag(store: Engagement, key: str) -> Sequence[Tally]:
        return await store.tag_series(key, MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS + 9 * DAY_MS, "hour")

    async def test_what_happens_to_a_post_counts_for_it_its_author_and_its_tags(
        self, store: Engagement
    ) -> None:
        post = facts.tweet("ada", "#Tea or #cake")
        await apply(
            store,
            post,
            at(seen("bob", post), 1),
            at(seen("bob", post), 1.5),
            at(facts.liked("bob", post), 1),
            at(facts.reposted("bob", post), 1),
            at(facts.reply("bob", post), 2),
            at(facts.tweet("bob", quoting=post), 2),
        )

        series = [hour(1, impressions=2, likes=1, reposts=1), hour(2, replies=1, quotes=1)]
        assert await self.of_post(store, post) == series
        assert await self.of_account(store, ADA) == series
        assert await self.of_tag(store, "tea") == await self.of_tag(store, "cake") == series
        assert await self.of_account(store, BOB) == []

    async def test_it_counts_also_when_it_comes_before_the_post(self, store: Engagement) -> None:
        post = facts.tweet("ada", "#tea")
        log = facts.recorded([post, at(facts.liked("bob", post), 1), at(seen("bob", post), 1)])

        await deliver(ENGAGEMENT, store, log[1:], log[:1])

        for series in (self.of_account(store, ADA), self.of_tag(store, "tea")):
            assert await series == [hour(1, impressions=1, likes=1)]

    async def test_an_account_is_the_sum_of_its_posts(self, store: Engagement) -> None:
        first, second = facts.tweet("ada", "#tea"), facts.tweet("ada", "#tea")
        likes = [at(facts.liked("bob", post), 1) for post in (first, second)]
        await apply(store, first, second, *likes)

        assert await self.of_account(store, ADA) == [hour(1, likes=2)]
        assert await self.of_tag(store, "tea") == [hour(1, likes=2)]

    async def test_days_are_sums_of_hours(self, store: Engagement) -> None:
        post = facts.tweet("ada", "#tea")
        hours = (0, 23.99, 24, 30, 50)
        await apply(store, post, *(at(seen("bob", post), number) for number in hours))

        first = MIDNIGHT_MS
        assert await store.post_series(post.post_id, first, first + 9 * DAY_MS, "day") == [
            Tally(first, impressions=2),
            Tally(first + DAY_MS, impressions=2),
            Tally(first + 2 * DAY_MS, impressions=1),
        ]

    async def test_a_span_reaches_from_the_bucket_of_its_start_to_the_last_before_its_end(
        self, store: Engagement
    ) -> None:
        post = facts.tweet("ada")
        await apply(store, post, *(at(seen("bob", post), number + 0.5) for number in range(6)))

        async def within(from_ms: int, to_ms: int, bucket: Bucket) -> list[int]:
            found = await store.post_series(post.post_id, from_ms, to_ms, bucket)
            return [(tally.at_ms - MIDNIGHT_MS) // HOUR_MS for tally in found]

        start = MIDNIGHT_MS
        assert await within(start + HOUR_MS, start + 3 * HOUR_MS, "hour") == [1, 2]
        assert await within(start + HOUR_MS + 1, start + 3 * HOUR_MS + 1, "hour") == [1, 2, 3]
        assert await within(start + HOUR_MS, start + HOUR_MS, "hour") == []
        assert await within(start + HOUR_MS, start + 2 * HOUR_MS, "day") == [0]
        assert await within(start - DAY_MS, start, "day") == []

    async def test_an_unlike_takes_the_like_from_the_hour_it_was_given_in(
        self, store: Engagement
    ) -> None:
        post = facts.tweet("ada")
        await apply(
            store,
            post,
            at(facts.liked("bob", post), 1),
            at(facts.unliked("bob", post), 2),
            at(facts.liked("cleo", post), 1),
            at(facts.unliked("cleo", post), 3),
            at(facts.liked("cleo", post), 4),
        )

        assert await self.of_post(store, post) == [hour(4, likes=1)]
        assert await self.of_account(store, ADA) == [hour(4, likes=1)]

    async def test_follows_count_for_the_followed_while_they_last(self, store: Engagement) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "bob", "ada")
        log.relate(AccountFollowed, "cleo", "ada")
        log.relate(AccountFollowed, "dan", "ada")
        log.relate(AccountUnfollowed, "cleo", "ada")
        log.relate(AccountBlocked, "ada", "dan")
        timed = [one._replace(event=at(one.event, n)) for n, one in enumerate(log.recorded)]

        await deliver(ENGAGEMENT, store, timed[3:], timed[:3])

        assert await self.of_account(store, ADA) == [hour(0, follows=1)]

    async def test_a_mute_leaves_a_follow_in_its_hour(self, store: Engagement) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "bob", "ada")
        log.relate(AccountMuted, "bob", "ada")
        timed = [one._replace(event=at(one.event, n)) for n, one in enumerate(log.recorded)]

        await deliver(ENGAGEMENT, store, timed)

        assert await self.of_account(store, ADA) == [hour(0, follows=1)]

    async def test_a_deleted_post_takes_its_numbers_along(self, store: Engagement) -> None:
        post, kept = facts.tweet("ada", "#tea"), facts.tweet("ada", "#tea")
        log = facts.recorded(
            [
                post,
                kept,
                at(facts.liked("bob", post), 1),
                at(facts.liked("bob", kept), 1),
                facts.deleted(post),
                at(facts.liked("cleo", post), 2),
            ]
        )

        await deliver(ENGAGEMENT, store, log[4:5], log[:4], log[5:])

        assert await self.of_post(store, post) == []
        assert await self.of_account(store, ADA) == [hour(1, likes=1)]
        assert await self.of_tag(store, "tea") == [hour(1, likes=1)]

    async def test_a_deleted_reply_or_quote_counts_no_more(self, store: Engagement) -> None:
        post = facts.tweet("ada")
        reply, quote = facts.reply("bob", post), facts.tweet("bob", quoting=post)
        log = facts.recorded([post, reply, quote, facts.deleted(reply), facts.deleted(quote)])

        await deliver(ENGAGEMENT, store, log[3:4], log[:3], log[4:])

        everything = (0, millis_of(log[-1].event.event_id) + 1)
        assert await store.post_series(post.post_id, *everything, "day") == []

    async def test_an_edit_moves_a_posts_numbers_to_the_tags_it_has_now(
        self, store: Engagement
    ) -> None:
        post = facts.tweet("ada", "#tea #cake")
        like = at(facts.liked("bob", post), 1)
        log = facts.recorded([post, like, facts.edited(post, "#tea #rum")])

        await deliver(ENGAGEMENT, store, log[:2], log[2:])

        assert await self.of_tag(store, "cake") == []
        for tag in ("tea", "rum"):
            assert await self.of_tag(store, tag) == [hour(1, likes=1)]

    @pytest.mark.parametrize("closing", [0, 3, 6])
    async def test_a_closed_account_takes_everything_but_impressions_along(
        self, store: Engagement, closing: int
    ) -> None:
        post, theirs = facts.tweet("ada"), facts.tweet("bob")
        log = facts.recorded(
            [
                post,
                theirs,
                at(facts.liked("bob", post), 1),
                at(seen("bob", post), 1),
                at(facts.reply("bob", post), 1),
                at(facts.liked("ada", theirs), 1),
                closed("bob"),
            ]
        )

        await deliver(ENGAGEMENT, store, log[:closing], log[6:], log[closing:6])

        assert await self.of_post(store, post) == [hour(1, impressions=1)]
        assert await self.of_account(store, ADA) == [hour(1, impressions=1)]
        assert await self.of_post(store, theirs) == await self.of_account(store, BOB) == []

    @pytest.mark.parametrize("gone", ["ada", "bob"])
    @pytest.mark.parametrize("first", [0, 1])
    async def test_a_follow_is_gone_with_either_account(
        self, store: Engagement, gone: str, first: int
    ) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "bob", "ada")
        log.record(closed(gone))
        follow, closing = log.recorded
        timed = [follow._replace(event=at(follow.event, 1)), closing]

        await deliver(ENGAGEMENT, store, timed[first : first + 1], timed)

        assert await self.of_account(store, ADA) == []

    async def test_applying_twice_is_applying_once(self, store: Engagement) -> None:
        post = facts.tweet("ada", "#tea")
        log = facts.recorded(
            [
                post,
                at(facts.liked("bob", post), 1),
                at(seen("bob", post), 1),
                at(facts.reply("bob", post), 2),
                facts.edited(post, "#tea #cake"),
            ]
        )

        await deliver(ENGAGEMENT, store, log, log, [*log, *log])

        series = [hour(1, impressions=1, likes=1), hour(2, replies=1)]
        assert await self.of_post(store, post) == series
        assert await self.of_account(store, ADA) == series
        assert await self.of_tag(store, "cake") == series

    @settings(max_examples=80)
    @given(data=st.data())
    def test_every_delivery_of_a_history_gives_what_it_says_in_the_end(
        self,
        empty_store: Callable[[], AbstractAsyncContextManager[Engagement]],
        data: st.DataObject,
    ) -> None:
        history = data.draw(histories(min_steps=25, doings=DOINGS))
        shuffled = data.draw(deliveries(history))
        end_ms = millis_of(max(one.event.event_id for one in history)) + 1
        posts = [one.event.post_id for one in history if isinstance(one.event, PostPosted)]
        people = [facts.account(name) for name in facts.NAMES]

        async def view_after(bucket: Bucket) -> dict[Subject, Sequence[Tally]]:
            async with empty_store() as store:
                await deliver(ENGAGEMENT, store, *shuffled)
                view: dict[Subject, Sequence[Tally]] = {}
                for post_id in posts:
                    view[post_id] = await store.post_series(post_id, 0, end_ms, bucket)
                for account_id in people:
                    view[account_id] = await store.account_series(account_id, 0, end_ms, bucket)
                for tag in TAGS:
                    view[tag] = await store.tag_series(tag, 0, end_ms, bucket)
                return view

        bucket: Bucket = data.draw(st.sampled_from(("hour", "day")))
        reckoned = Reckoned(history)
        subjects: list[Subject] = [*posts, *people, *TAGS]
        expected = {subject: reckoned.series(subject, bucket) for subject in subjects}
        assert asyncio.run(view_after(bucket)) == expected
