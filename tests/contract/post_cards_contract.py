"""What every `PostCards` must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import AccountClosed, BookmarkAdded, BookmarkRemoved, Event, Recorded
from domain.events import PostPosted as Posted
from domain.ids import AccountId
from domain.objects import Post, PostCounts, PostViewer, post_json
from projections.post_cards import POST_CARDS, Card, PostCards
from tests import facts
from tests.contract.post_cards_model import answers, expected
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.facts import account, deleted, edited, liked, recorded, reply, reposted, tweet, unliked
from tests.histories import deliveries, histories

DOINGS = (
    "tweet", "tweet", "reply", "reply", "quote", "edit", "edit", "edit", "delete", "like", "like",
    "unlike", "repost", "repost", "unrepost", "bookmark", "bookmark", "unbookmark", "close",
    "close",
)  # fmt: skip
ADA, BOB, CLEO = account("ada"), account("bob"), account("cleo")


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=account(name))


def bookmarked(name: str, post: Posted) -> BookmarkAdded:
    return BookmarkAdded(event_id=facts.event_id(), actor_id=account(name), post_id=post.post_id)


def unbookmarked(name: str, post: Posted) -> BookmarkRemoved:
    return BookmarkRemoved(event_id=facts.event_id(), actor_id=account(name), post_id=post.post_id)


def shown(card: Card) -> Post:
    """The post as a client reads it."""
    return msgspec.json.decode(post_json(card.members, card.viewer), type=Post, strict=True)


async def tell(store: PostCards, *events: Event) -> list[Recorded]:
    """One batch of these events."""
    batch = recorded(events)
    await deliver(POST_CARDS, store, batch)
    return batch


async def card_of(store: PostCards, post: Posted, reader: AccountId | None = None) -> Card:
    return (await store.cards([post.post_id], reader))[post.post_id]


async def is_there(store: PostCards, post: Posted) -> bool:
    return post.post_id in await store.cards([post.post_id], None)


class PostCardsContract(StoreContract):
    """Subclass with `opened`: an empty store each time."""

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[PostCards]: ...

    @pytest.fixture
    async def store(self) -> AsyncIterator[PostCards]:
        async with self.opened() as store:
            yield store

    async def test_a_post_is_shown_as_it_was_posted(self, store: PostCards) -> None:
        first = tweet("ada", "hello #world")
        answer = reply("bob", first, "hi @ada")
        await tell(store, first, answer)

        post = shown(await card_of(store, answer))

        assert (post.id, post.kind, post.text) == (str(answer.post_id), "reply", "hi @ada")
        assert post.in_reply_to_id == post.conversation_id == str(first.post_id)
        assert post.entities.mentions[0].account_id == str(ADA)
        assert (post.version, post.edited_at) == (1, None)

    async def test_a_card_says_whose_posts_it_points_at(self, store: PostCards) -> None:
        first = tweet("ada")
        answer, quote = reply("bob", first), tweet("cleo", quoting=first)
        await tell(store, first, answer, quote)

        below, quoting = await card_of(store, answer), await card_of(store, quote)

        assert below[:7] == (answer.post_id, BOB, first.post_id, ADA, first.post_id, None, None)
        assert quoting[:7] == (quote.post_id, CLEO, None, None, quote.post_id, first.post_id, ADA)
        assert (below.is_reply, quoting.is_reply) == (True, False)

    async def test_unknown_posts_are_not_there(self, store: PostCards) -> None:
        post = tweet("ada")
        await tell(store, post)

        found = await store.cards([facts.post_id_of(1), post.post_id, post.post_id], None)

        assert list(found) == [post.post_id]
        assert await store.cards([], BOB) == {}

    async def test_a_hundred_posts_come_at_once(self, store: PostCards) -> None:
        posts = [tweet("ada", f"number {n}") for n in range(100)]
        await tell(store, *posts)

        found = await store.cards([post.post_id for post in posts], BOB)

        assert [shown(found[post.post_id]).text for post in posts] == [
            f"number {n}" for n in range(100)
        ]

    async def test_the_newest_edit_is_shown_and_every_version_kept(self, store: PostCards) -> None:
        post = tweet("ada", "one")
        edits = [edited(post, "two"), edited(post, "three")]
        await tell(store, post, *edits)

        now = shown(await card_of(store, post))
        history = await store.history(post.post_id, 10)

        assert (now.text, now.version) == ("three", 3)
        assert [version.version for version in history] == [1, 2, 3]
        assert [msgspec.json.decode(b"{%b}" % v.text)["text"] for v in history] == [
            "one", "two", "three",
        ]  # fmt: skip
        assert history[0].written_at_ms < history[1].written_at_ms < history[2].written_at_ms

    async def test_each_edit_is_shown_as_it_comes(self, store: PostCards) -> None:
        post = tweet("ada", "one")
        batch = recorded([post, edited(post, "two"), edited(post, "three")])

        for one, text in zip(batch, ("one", "two", "three"), strict=True):
            await deliver(POST_CARDS, store, [one])
            assert shown(await card_of(store, post)).text == text

    async def test_history_comes_in_pages(self, store: PostCards) -> None:
        post = tweet("ada", "one")
        await tell(store, post, *(edited(post, text) for text in ("two", "three", "four")))

        first = await store.history(post.post_id, 2)
        second = await store.history(post.post_id, 2, after=first[-1].version)

        assert [v.version for v in (*first, *second)] == [1, 2, 3, 4]

    async def test_edits_may_come_in_any_order_and_before_their_post(
        self, store: PostCards
    ) -> None:
        post = tweet("ada", "one")
        batch = recorded([post, edited(post, "two"), edited(post, "three")])

        await deliver(POST_CARDS, store, [batch[2], batch[1]], [batch[0]], [batch[1]])

        assert shown(await card_of(store, post)).text == "three"
        assert len(await store.history(post.post_id, 10)) == 3

    async def test_a_deleted_post_is_gone_with_all_that_was_told_of_it(
        self, store: PostCards
    ) -> None:
        post = tweet("ada")
        await tell(store, post, edited(post, "two"), liked("bob", post), reposted("bob", post))

        await tell(store, deleted(post))

        assert not await is_there(store, post)
        assert await store.history(post.post_id, 10) == []
        assert await store.likers(post.post_id, 10) == []
        assert await store.reposters(post.post_id, 10) == []
        assert await store.counts(post.post_id) == PostCounts()

    async def test_a_deletion_may_come_before_its_post(self, store: PostCards) -> None:
        post = tweet("ada")
        batch = recorded([post, edited(post, "two"), deleted(post)])

        await deliver(POST_CARDS, store, *([one] for one in reversed(batch)))

        assert not await is_there(store, post)

    async def test_replies_quotes_likes_and_reposts_are_counted(self, store: PostCards) -> None:
        post = tweet("ada")
        answers_ = [reply("bob", post), reply("cleo", post), reply("bob", post)]
        quotes = [tweet("bob", quoting=post), tweet("cleo", quoting=post)]
        await tell(store, post, *answers_, *quotes, liked("bob", post), reposted("bob", post))

        counts = await store.counts(post.post_id)

        assert counts == PostCounts(replies=3, quotes=2, likes=1, reposts=1)
        assert shown(await card_of(store, post)).counts == counts

    async def test_counts_may_come_before_their_post(self, store: PostCards) -> None:
        post = tweet("ada")
        await tell(store, reply("bob", post), liked("cleo", post))
        before = await store.counts(post.post_id)

        await tell(store, post)

        assert before == PostCounts()
        assert await store.counts(post.post_id) == PostCounts(replies=1, likes=1)

    async def test_deleted_replies_and_quotes_are_not_counted(self, store: PostCards) -> None:
        post = tweet("ada")
        answer, quote = reply("bob", post), tweet("bob", quoting=post)
        await tell(store, post, answer, quote)

        await tell(store, deleted(answer), deleted(quote))

        assert await store.counts(post.post_id) == PostCounts()

    async def test_a_reader_sees_what_they_did_with_a_post(self, store: PostCards) -> None:
        post = tweet("ada")
        await tell(store, post, liked("bob", post), bookmarked("bob", post), reposted("cleo", post))

        assert shown(await card_of(store, post, BOB)).viewer == PostViewer(
            liked=True, reposted=False, bookmarked=True
        )
        assert shown(await card_of(store, post, CLEO)).viewer == PostViewer(reposted=True)
        assert shown(await card_of(store, post)).viewer == PostViewer()

    async def test_a_reader_who_does_much_sees_what_they_did_long_ago_too(
        self, store: PostCards
    ) -> None:
        first, second, *others = posts = [tweet("ada", f"number {n}") for n in range(100)]
        await tell(store, *posts, liked("bob", first), *(liked("bob", post) for post in others))

        for _ in range(2):
            assert shown(await card_of(store, first, BOB)).viewer == PostViewer(liked=True)
            assert shown(await card_of(store, second, BOB)).viewer == PostViewer()
            assert shown(await card_of(store, others[-1], BOB)).viewer == PostViewer(liked=True)

    async def test_a_like_taken_back_stays_away_when_it_comes_again(self, store: PostCards) -> None:
        post = tweet("ada")
        like, unlike = liked("bob", post), unliked("bob", post)
        await tell(store, post, like, unlike)

        await tell(store, like)

        assert shown(await card_of(store, post, BOB)).viewer == PostViewer()
        assert await store.likers(post.post_id, 10) == []
        assert await store.counts(post.post_id) == PostCounts()

    async def test_who_liked_comes_newest_first_in_pages(self, store: PostCards) -> None:
        post = tweet("ada")
        likes = [liked(name, post) for name in facts.NAMES]
        await tell(store, post, *likes)

        first = await store.likers(post.post_id, 3)
        await tell(store, unliked(facts.NAMES[-1], post))
        rest = await store.likers(post.post_id, 10, before=first[-1].event_id)

        assert [reaction.account_id for reaction in (*first, *rest)] == [
            account(name) for name in reversed(facts.NAMES)
        ]

    async def test_who_likes_again_comes_first(self, store: PostCards) -> None:
        post = tweet("ada")
        await tell(store, post, liked("bob", post), liked("cleo", post), unliked("bob", post))

        await tell(store, liked("bob", post))

        assert [reaction.account_id for reaction in await store.likers(post.post_id, 10)] == [
            BOB, CLEO,
        ]  # fmt: skip

    async def test_reposts_are_listed_apart_from_likes(self, store: PostCards) -> None:
        post = tweet("ada")
        repost = reposted("cleo", post)
        await tell(store, post, liked("bob", post), repost)

        assert await store.reposters(post.post_id, 10) == [(repost.event_id, CLEO)]
        assert await store.reposters(post.post_id, 10, before=repost.event_id) == []

    async def test_bookmarks_come_newest_first_in_pages(self, store: PostCards) -> None:
        posts = [tweet("ada") for _ in range(5)]
        await tell(store, *posts, *(bookmarked("bob", post) for post in posts))

        first = await store.bookmarks(BOB, 2)
        rest = await store.bookmarks(BOB, 10, before=first[-1].event_id)

        assert [mark.post_id for mark in (*first, *rest)] == [p.post_id for p in reversed(posts)]
        assert await store.bookmarks(CLEO, 10) == []

    async def test_bookmarks_of_posts_that_are_gone_leave_no_gap(self, store: PostCards) -> None:
        posts = [tweet("ada") for _ in range(4)]
        await tell(store, *posts, *(bookmarked("bob", post) for post in posts))

        await tell(store, deleted(posts[3]), unbookmarked("bob", posts[1]))

        page = await store.bookmarks(BOB, 2)
        assert [mark.post_id for mark in page] == [posts[2].post_id, posts[0].post_id]

    @pytest.mark.parametrize("closing_first", [False, True])
    async def test_a_closed_account_takes_its_posts_and_doings_along(
        self, store: PostCards, closing_first: bool
    ) -> None:
        post, own = tweet("ada"), tweet("bob")
        bobs = [reply("bob", post), tweet("bob", quoting=post), own, liked("bob", post)]
        bobs += [reposted("bob", post), bookmarked("bob", post), edited(own, "again")]
        batches = [recorded([post, *bobs]), recorded([closed("bob")])]

        await deliver(POST_CARDS, store, *(reversed(batches) if closing_first else batches))

        assert not await is_there(store, own)
        assert await store.history(own.post_id, 10) == []
        assert await store.counts(post.post_id) == PostCounts()
        assert await store.likers(post.post_id, 10) == []
        assert await store.bookmarks(BOB, 10) == []
        assert shown(await card_of(store, post, BOB)).viewer == PostViewer()

    async def test_a_batch_applied_twice_changes_nothing(self, store: PostCards) -> None:
        post = tweet("ada")
        quote = tweet("bob", quoting=post)
        batch = await tell(
            store, post, edited(post, "two"), reply("bob", post), quote, deleted(quote),
            liked("bob", post), reposted("cleo", post), bookmarked("bob", post), closed("dan"),
        )  # fmt: skip
        before = await answers(store, batch)

        await deliver(POST_CARDS, store, batch, batch[::-1])

        assert await answers(store, batch) == before

    @settings(max_examples=60)
    @given(st.data())
    def test_any_delivery_of_a_history_gives_what_the_history_says(
        self, data: st.DataObject
    ) -> None:
        history = data.draw(histories(80, min_steps=40, doings=DOINGS))
        batches = data.draw(deliveries(history))

        async def answered() -> object:
            async with self.opened() as store:
                await deliver(POST_CARDS, store, *batches)
                return await answers(store, history)

        assert asyncio.run(answered()) == expected(history)
