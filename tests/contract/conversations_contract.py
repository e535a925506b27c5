"""What every `Conversations` must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import AccountClosed, Event, PostDeleted, PostPosted, Recorded, ReplyPosted
from domain.ids import PostId
from projections.conversations import CONVERSATIONS, Ancestor, Conversations, Reply
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.facts import account, deleted, recorded, reply, tweet
from tests.histories import deliveries, histories

DOINGS = ("tweet", "reply", "reply", "reply", "quote", "delete", "close", "close")
ADA, BOB, CLEO = account("ada"), account("bob"), account("cleo")
PAGE = 2


class Answers(NamedTuple):
    """Everything that can be asked about the posts of a history."""

    ancestors: dict[PostId, list[Ancestor]]
    replies: dict[PostId, list[Reply]]


async def answers(store: Conversations, history: Sequence[Recorded]) -> Answers:
    """What the store says; replies are walked in small pages."""
    posts = [r.event.post_id for r in history if isinstance(r.event, PostPosted)]
    return Answers(
        {p: list(await store.ancestors(p, 100)) for p in posts},
        {p: await every_reply(store, p) for p in posts},
    )


def expected(history: Sequence[Recorded]) -> Answers:
    """What a store must say, told plainly from the whole set of events."""
    events = [r.event for r in history]
    posts = {e.post_id: e for e in events if isinstance(e, PostPosted)}
    closed = {e.actor_id for e in events if isinstance(e, AccountClosed)}
    gone = {e.post_id for e in events if isinstance(e, PostDeleted)}
    gone |= {p.post_id for p in posts.values() if p.actor_id in closed}

    def above(post: PostPosted) -> list[Ancestor]:
        if not isinstance(post, ReplyPosted):
            return []
        parent = posts[post.in_reply_to_id]
        return [*above(parent), Ancestor(parent.post_id, parent.actor_id, parent.post_id in gone)]

    def below(post_id: PostId) -> list[Reply]:
        return sorted(
            Reply(p.post_id, p.actor_id)
            for p in posts.values()
            if isinstance(p, ReplyPosted) and p.in_reply_to_id == post_id and p.post_id not in gone
        )

    return Answers({p: above(post) for p, post in posts.items()}, {p: below(p) for p in posts})


async def every_reply(store: Conversations, post_id: PostId) -> list[Reply]:
    found: list[Reply] = []
    after = None
    while page := await store.replies(post_id, PAGE, after=after):
        found += page
        after = page[-1].post_id
    return found


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=account(name))


async def tell(store: Conversations, *events: Event) -> list[Recorded]:
    """One batch of these events."""
    batch = recorded(events)
    await deliver(CONVERSATIONS, store, batch)
    return batch


class ConversationsContract(StoreContract):
    """Subclass with `opened`: an empty store each time."""

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[Conversations]: ...

    @pytest.fixture
    async def store(self) -> AsyncIterator[Conversations]:
        async with self.opened() as store:
            yield store

    async def test_a_tweet_stands_below_nothing(self, store: Conversations) -> None:
        root = tweet("ada")
        await tell(store, root, tweet("bob", quoting=root))

        assert await store.ancestors(root.post_id, 10) == []
        assert await store.replies(root.post_id, 10) == []

    async def test_the_way_to_a_reply_starts_at_the_root(self, store: Conversations) -> None:
        root = tweet("ada")
        first = reply("bob", root)
        second = reply("cleo", first)
        await tell(store, root, first, second, reply("ada", first))

        assert await store.ancestors(second.post_id, 10) == [
            (root.post_id, ADA, False),
            (first.post_id, BOB, False),
        ]

    async def test_replies_are_direct_and_oldest_first_in_pages(self, store: Conversations) -> None:
        root = tweet("ada")
        replies = [reply(name, root) for name in facts.NAMES]
        await tell(store, root, *reversed(replies), reply("ada", replies[0]))

        first = await store.replies(root.post_id, 3)
        rest = await store.replies(root.post_id, 10, after=first[-1].post_id)

        assert [*first, *rest] == [(one.post_id, one.actor_id) for one in replies]

    async def test_the_nearest_ancestors_of_a_long_thread_are_given(
        self, store: Conversations
    ) -> None:
        thread: list[PostPosted] = [tweet("ada")]
        for _ in range(400):
            thread.append(reply("bob", thread[-1]))
        await tell(store, *thread)

        whole = await store.ancestors(thread[-1].post_id, 1000)
        near = await store.ancestors(thread[-1].post_id, 3)

        assert [above.post_id for above in whole] == [post.post_id for post in thread[:-1]]
        assert near == whole[-3:]

    async def test_a_reply_may_come_before_its_parent(self, store: Conversations) -> None:
        root = tweet("ada")
        first = reply("bob", root)
        second = reply("cleo", first)
        await tell(store, second, root)
        before = await store.ancestors(second.post_id, 10)

        await tell(store, first)

        assert before == []
        assert [above.post_id for above in await store.ancestors(second.post_id, 10)] == [
            root.post_id,
            first.post_id,
        ]

    async def test_a_deleted_post_keeps_its_place(self, store: Conversations) -> None:
        root = tweet("ada")
        first = reply("bob", root)
        second = reply("cleo", first)
        await tell(store, root, first, second)

        await tell(store, deleted(first))

        assert await store.replies(root.post_id, 10) == []
        assert await store.replies(first.post_id, 10) == [(second.post_id, CLEO)]
        assert await store.ancestors(second.post_id, 10) == [
            (root.post_id, ADA, False),
            (first.post_id, BOB, True),
        ]

    async def test_a_deletion_may_come_before_its_post(self, store: Conversations) -> None:
        root = tweet("ada")
        first = reply("bob", root)
        second = reply("cleo", first)
        await tell(store, root, second, deleted(first))
        before = await store.ancestors(second.post_id, 10)

        await tell(store, first)

        assert before == [(root.post_id, ADA, False), (first.post_id, BOB, True)]
        assert await store.ancestors(second.post_id, 10) == before
        assert await store.replies(root.post_id, 10) == []

    @pytest.mark.parametrize("closing_first", [False, True])
    async def test_posts_of_a_closed_account_stand_there_as_deleted(
        self, store: Conversations, closing_first: bool
    ) -> None:
        root = tweet("ada")
        first = reply("bob", root)
        second = reply("cleo", first)
        batches = [recorded([root, first, second]), recorded([closed("bob")])]

        await deliver(CONVERSATIONS, store, *(reversed(batches) if closing_first else batches))

        assert await store.replies(root.post_id, 10) == []
        assert await store.ancestors(second.post_id, 10) == [
            (root.post_id, ADA, False),
            (first.post_id, BOB, True),
        ]

    async def test_a_batch_applied_twice_changes_nothing(self, store: Conversations) -> None:
        root = tweet("ada")
        first = reply("bob", root)
        batch = await tell(
            store, root, first, reply("cleo", first), reply("dan", root), deleted(first),
            closed("dan"),
        )  # fmt: skip
        before = await answers(store, batch)

        await deliver(CONVERSATIONS, store, batch, batch[::-1])

        assert await answers(store, batch) == before

    @settings(max_examples=60)
    @given(st.data())
    def test_any_delivery_of_a_history_gives_what_the_history_says(
        self, data: st.DataObject
    ) -> None:
        history = data.draw(histories(40, min_steps=20, doings=DOINGS))
        batches = data.draw(deliveries(history))

        async def answered() -> Answers:
            async with self.opened() as store:
                await deliver(CONVERSATIONS, store, *batches)
                return await answers(store, history)

        assert asyncio.run(answered()) == expected(history)
