"""What every store of notifications must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    AccountUnfollowed,
    Event,
    NotificationsRead,
    Recorded,
    ReplyPosted,
    TweetPosted,
)
from domain.ids import ItemId
from projections.notifications import (
    KINDS,
    NOTIFICATIONS,
    UNREAD_COUNTED_MAX,
    Kind,
    Notification,
    Notifications,
)
from projections.windows import Window
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.histories import PEOPLE, deliveries, histories

ALL = Window()
Open = Callable[[], AbstractAsyncContextManager[Notifications]]


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=facts.account(name))


def read(name: str, up_to: Event) -> NotificationsRead:
    return NotificationsRead(
        event_id=facts.event_id(), actor_id=facts.account(name), up_to_id=ItemId(up_to.event_id)
    )


def told(
    kind: Kind, cause: Event, post: TweetPosted | ReplyPosted | None, *, read: bool = False
) -> Notification:
    """A notification that `cause` gives."""
    post_id = None if post is None else post.post_id
    return Notification(ItemId(cause.event_id), kind, cause.actor_id, post_id, read)


async def apply(store: Notifications, *events: Event) -> None:
    """Record these events in a log of their own and deliver it whole."""
    await deliver(NOTIFICATIONS, store, facts.recorded(events))


async def notifications_of(
    store: Notifications, name: str, window: Window = ALL, limit: int = 1_000
) -> list[Notification]:
    return list(await store.page(facts.account(name), window, limit))


async def view(store: Notifications) -> dict[str, object]:
    """Everything the port answers about everybody."""
    return {
        name: (
            await notifications_of(store, name),
            await notifications_of(store, name, Window(min_id=1), 2),
            [await store.page(facts.account(name), ALL, 1_000, [kind]) for kind in KINDS],
            await store.unread_count(facts.account(name)),
        )
        for name in PEOPLE
    }


class NotificationsContract(StoreContract):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Open: ...

    @pytest.fixture
    async def store(self, empty_store: Open) -> AsyncIterator[Notifications]:
        async with empty_store() as store:
            yield store

    async def test_an_author_is_told_of_likes_and_reposts_newest_first(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada")
        liked, reposted = facts.liked("bob", tweet), facts.reposted("cleo", tweet)

        await apply(store, tweet, liked, reposted)

        assert await notifications_of(store, "ada") == [
            told("repost", reposted, tweet),
            told("like", liked, tweet),
        ]

    async def test_who_is_mentioned_replied_to_or_quoted_is_told(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada", "hello @bob and @bob")
        reply = facts.reply("cleo", tweet, "see @dan")
        quote = facts.tweet("eve", "so true", quoting=tweet)

        await apply(store, tweet, reply, quote)

        assert await notifications_of(store, "bob") == [told("mention", tweet, tweet)]
        assert await notifications_of(store, "dan") == [told("mention", reply, reply)]
        assert await notifications_of(store, "ada") == [
            told("quote", quote, quote),
            told("reply", reply, reply),
        ]

    async def test_a_reply_or_quote_that_mentions_its_author_tells_them_once(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada")
        reply = facts.reply("bob", tweet, "@ada yes")
        quote = facts.tweet("bob", "@ada no", quoting=tweet)

        await apply(store, tweet, reply, quote)

        assert [n.kind for n in await notifications_of(store, "ada")] == ["quote", "reply"]

    async def test_nobody_is_told_of_their_own_doings(self, store: Notifications) -> None:
        tweet = facts.tweet("ada", "I am @ada")

        await apply(
            store,
            tweet,
            facts.reply("ada", tweet),
            facts.tweet("ada", quoting=tweet),
            facts.liked("ada", tweet),
            facts.reposted("ada", tweet),
        )

        assert await notifications_of(store, "ada") == []

    async def test_liking_over_and_over_tells_once_and_as_of_the_last_time(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada")
        again = [facts.liked("bob", tweet), facts.unliked("bob", tweet), facts.liked("bob", tweet)]

        await apply(store, tweet, *reversed(again))

        assert await notifications_of(store, "ada") == [told("like", again[-1], tweet)]

    async def test_what_was_undone_is_told_no_more(self, store: Notifications) -> None:
        tweet = facts.tweet("ada")
        liked, reposted = facts.liked("bob", tweet), facts.reposted("bob", tweet)
        undone = [facts.unliked("bob", tweet), facts.unreposted("bob", tweet)]

        await apply(store, tweet, *undone, liked, reposted)

        assert await notifications_of(store, "ada") == []

    async def test_a_follow_is_told_while_it_stands(self, store: Notifications) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "bob", "ada")
        log.relate(AccountUnfollowed, "bob", "ada")
        (again,) = log.relate(AccountFollowed, "bob", "ada")
        log.relate(AccountMuted, "bob", "ada")

        await deliver(NOTIFICATIONS, store, log.recorded)

        assert await notifications_of(store, "ada") == [told("follow", again.event, None)]

    async def test_a_block_ends_both_follows_and_unblocking_restores_none(
        self, store: Notifications
    ) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "bob", "ada")
        log.relate(AccountFollowed, "ada", "bob")
        log.relate(AccountBlocked, "ada", "bob")
        log.relate(AccountUnblocked, "ada", "bob")

        await deliver(NOTIFICATIONS, store, log.recorded[::-1])

        assert [await notifications_of(store, name) for name in ("ada", "bob")] == [[], []]

    async def test_an_edit_tells_who_is_mentioned_for_the_first_time(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada", "hello @bob")
        first = facts.edited(tweet, "hello @bob and @cleo")
        second = facts.edited(tweet, "hello @cleo")

        await apply(store, tweet, first, second)

        assert await notifications_of(store, "bob") == [told("mention", tweet, tweet)]
        assert await notifications_of(store, "cleo") == [told("mention", first, tweet)]

    async def test_of_a_posts_versions_the_first_that_concerns_somebody_counts(
        self, store: Notifications
    ) -> None:
        parent = facts.tweet("bob")
        tweet = facts.tweet("ada", "agreed", quoting=parent)
        log = facts.recorded([parent, tweet, facts.edited(tweet, "agreed @bob")])

        await deliver(NOTIFICATIONS, store, log[2:], log[:2])

        assert await notifications_of(store, "bob") == [told("quote", tweet, tweet)]

    async def test_a_deleted_post_takes_along_what_it_caused_and_what_was_done_with_it(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada", "hello @bob")
        reply = facts.reply("cleo", tweet)
        liked, reposted = facts.liked("dan", reply), facts.reposted("eve", tweet)

        await apply(store, tweet, reply, liked, facts.deleted(reply), facts.deleted(tweet))
        await apply(store, reposted)

        assert [await notifications_of(store, name) for name in ("ada", "bob", "cleo")] == [[]] * 3

    async def test_a_deletion_before_its_post_is_remembered(self, store: Notifications) -> None:
        tweet = facts.tweet("ada", "hello @bob")

        await apply(store, facts.deleted(tweet))
        await apply(store, tweet, facts.edited(tweet, "@cleo"), facts.liked("dan", tweet))

        assert [await notifications_of(store, name) for name in ("ada", "bob", "cleo")] == [[]] * 3

    async def test_what_a_closed_account_did_is_told_no_more(self, store: Notifications) -> None:
        tweet = facts.tweet("ada")
        log = facts.Log()
        log.record(tweet, facts.liked("bob", tweet), facts.reply("bob", tweet))
        log.relate(AccountFollowed, "bob", "ada")

        await deliver(NOTIFICATIONS, store, log.recorded)
        await apply(store, closed("bob"))
        await apply(store, facts.reposted("bob", tweet), facts.tweet("bob", "still @ada"))

        assert await notifications_of(store, "ada") == []

    async def test_a_closed_account_is_told_nothing(self, store: Notifications) -> None:
        tweet = facts.tweet("ada")

        await apply(store, tweet, facts.liked("bob", tweet), closed("ada"))
        await apply(store, facts.liked("cleo", tweet))

        assert await notifications_of(store, "ada") == []
        assert await store.unread_count(facts.account("ada")) == 0

    async def test_everything_up_to_the_highest_mark_is_read(self, store: Notifications) -> None:
        tweet = facts.tweet("ada")
        first, second, third = (facts.liked(name, tweet) for name in ("bob", "cleo", "dan"))

        await apply(store, tweet, first, second, third, read("ada", second), read("ada", first))

        assert await notifications_of(store, "ada") == [
            told("like", third, tweet),
            told("like", second, tweet, read=True),
            told("like", first, tweet, read=True),
        ]
        assert await store.unread_count(facts.account("ada")) == 1

    async def test_the_unread_are_counted_no_further_than_the_limit(
        self, store: Notifications
    ) -> None:
        tweets = [facts.tweet("bob", "hello @ada") for _ in range(UNREAD_COUNTED_MAX + 1)]

        await apply(store, *tweets[1:])
        assert await store.unread_count(facts.account("ada")) == UNREAD_COUNTED_MAX

        await apply(store, tweets[0])
        assert await store.unread_count(facts.account("ada")) == UNREAD_COUNTED_MAX

    async def test_a_page_is_the_part_of_the_list_that_is_asked_for(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada")
        causes: list[Event] = [
            facts.liked("bob", tweet),
            facts.reposted("bob", tweet),
            facts.reply("bob", tweet),
            facts.liked("cleo", tweet),
            facts.reposted("cleo", tweet),
        ]
        ids = [ItemId(cause.event_id) for cause in causes]

        async def page(window: Window) -> list[int]:
            return [ids.index(n.item_id) for n in await notifications_of(store, "ada", window, 2)]

        await apply(store, tweet, *causes)

        assert await page(ALL) == [4, 3]
        assert await page(Window(max_id=ids[3])) == [2, 1]
        assert await page(Window(since_id=ids[0])) == [4, 3]
        assert await page(Window(min_id=ids[0])) == [2, 1]
        assert await page(Window(min_id=ids[0], max_id=ids[2])) == [1]

    async def test_a_page_holds_only_the_kinds_that_are_asked_for(
        self, store: Notifications
    ) -> None:
        tweet = facts.tweet("ada")
        liked, replied = facts.liked("bob", tweet), facts.reply("cleo", tweet)
        ada = facts.account("ada")

        await apply(store, tweet, liked, replied, facts.reposted("dan", tweet))

        assert list(await store.page(ada, ALL, 10, ["like", "reply"])) == [
            told("reply", replied, replied),
            told("like", liked, tweet),
        ]
        assert list(await store.page(ada, ALL, 10, [])) == []

    async def test_applying_twice_is_applying_once(self, store: Notifications) -> None:
        tweet = facts.tweet("ada", "hello @bob")
        log = facts.recorded([tweet, facts.liked("bob", tweet), facts.edited(tweet, "@cleo")])

        await deliver(NOTIFICATIONS, store, log)
        once = await view(store)
        await deliver(NOTIFICATIONS, store, log)

        assert await view(store) == once

    @settings(max_examples=80)
    @given(data=st.data())
    def test_every_delivery_of_a_history_gives_the_same_view(
        self, empty_store: Open, data: st.DataObject
    ) -> None:
        history = data.draw(histories())
        shuffled = data.draw(deliveries(history))

        async def view_after(batches: Sequence[Sequence[Recorded]]) -> dict[str, object]:
            async with empty_store() as store:
                await deliver(NOTIFICATIONS, store, *batches)
                return await view(store)

        assert asyncio.run(view_after(shuffled)) == asyncio.run(view_after([history]))
