"""Post cards in Cassandra keep the contract."""

from collections.abc import Sequence
from itertools import count
from typing import Any, Final

import pytest

from domain.events import Recorded, ReplyPosted
from domain.ids import AccountId, EventId, PostId
from domain.objects import PostCounts
from infra.cassandra import tallies, view_tables
from infra.cassandra.post_cards import CassandraPostCards
from projections.post_cards import (
    POST_CARDS,
    AddPost,
    DropAccount,
    DropPost,
    Operation,
    SetLike,
    SetRepost,
)
from tests.cluster.cassandra_views import OnCassandra
from tests.cluster.examples import fewer_examples
from tests.cluster.faulty import Crash, Fault, Faults, FaultySession
from tests.cluster.in_a_row import InARow
from tests.contract.post_cards_contract import DOINGS, PostCardsContract, closed
from tests.contract.post_cards_model import Answers, answers
from tests.contract.projecting import deliver
from tests.facts import deleted, edited, liked, recorded, reply, tweet

FIRST: Final = 1_000_000


def batch_of(first: int) -> list[Operation]:
    """Whose post (id `first`) has at the end one reply, repost, like and quote, and had as many of
    what is deleted or somebody's who is gone. Its ids are those from `first` on."""
    ada, bob, gone = map(AccountId, range(first + 100, first + 103))
    post, stays, goes, quote, of_gone = map(PostId, range(first, first + 5))

    def said(post_id: PostId, author: AccountId, *, to: PostId | None = None) -> AddPost:
        return AddPost(post_id, author, to, ada if to else None, post, None, None, b"{}", b"{}")

    def quoted(post_id: PostId, author: AccountId) -> AddPost:
        return said(post_id, author)._replace(quote_of_id=post, quote_of_author_id=ada)

    def set_(register: Any, who: AccountId, number: int, *, on: bool = True) -> Operation:
        return register(who, post, EventId(first + number), on)  # type: ignore[no-any-return]

    return [
        said(post, ada),
        said(stays, bob, to=post),
        said(goes, bob, to=post),
        quoted(quote, bob),
        quoted(of_gone, gone),
        set_(SetLike, ada, 10),
        set_(SetLike, ada, 11, on=False),
        set_(SetLike, bob, 12),
        set_(SetLike, gone, 13),
        set_(SetRepost, bob, 14),
        set_(SetRepost, gone, 15),
        DropPost(goes),
        DropAccount(gone),
    ]


async def told_of(store: CassandraPostCards, first: int) -> Any:
    """What is to be told of such a batch."""
    posts = [PostId(first + number) for number in range(5)]
    counts = await store.counts(posts[0])
    likers = [one.account_id - first for one in await store.likers(posts[0], 9)]
    return counts, likers, [one - first for one in sorted(await store.cards(posts, None))]


TOLD: Final = PostCounts(replies=1, reposts=1, likes=1, quotes=1), [101], [0, 1, 3]


class TestCassandraPostCards(OnCassandra, PostCardsContract):
    kind = CassandraPostCards
    projection = POST_CARDS
    doings = DOINGS
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        PostCardsContract.test_any_delivery_of_a_history_gives_what_the_history_says, 5
    )

    async def told(self, store: CassandraPostCards, history: Sequence[Recorded]) -> Answers:
        return await answers(store, history)

    @pytest.mark.parametrize("first", ["words", "end"])
    @pytest.mark.parametrize("closing", [False, True])
    async def test_words_are_not_kept_when_their_post_or_author_is_gone(
        self, store: CassandraPostCards, closing: bool, first: str
    ) -> None:
        post = tweet("bob", "a secret")
        words = recorded([post, edited(post, "another secret"), reply("bob", post, "secret too")])
        own = words[-1].event
        assert isinstance(own, ReplyPosted)
        end = recorded([closed("bob")] if closing else [deleted(post), deleted(own)])

        await deliver(POST_CARDS, store, *((words, end) if first == "words" else (end, words)))

        assert await self.kept_words() == []

    @pytest.mark.parametrize("small_max", [1, tallies.SMALL_MAX])
    @pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.torture)])
    async def test_a_batch_that_died_anywhere_is_mended_when_it_is_applied_again(
        self,
        store: CassandraPostCards,
        small_max: int,
        every: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(tallies, "SMALL_MAX", small_max)
        monkeypatch.setattr(view_tables, "PARTITIONS_FEW", 3)
        for step in count(0, every):
            first = FIRST + 1_000 * step
            operations, checkpoint = batch_of(first), {step: step + 1}
            faults = Faults(Fault.CRASH_AFTER, step)
            dying = self.views.kind(FaultySession(self.views.session, faults), self.views.namespace)
            try:
                await dying.apply(operations, checkpoint)
            except Crash:
                if step in await store.checkpoint():
                    assert await told_of(store, first) == TOLD
            await store.apply(operations, checkpoint)

            assert await told_of(store, first) == TOLD
            if faults.steps <= step:
                break

    @pytest.mark.parametrize("closing", [False, True])
    async def test_what_comes_after_its_end_is_not_counted(
        self, store: CassandraPostCards, closing: bool
    ) -> None:
        post = tweet("ada")
        answer, quote = reply("bob", post), tweet("bob", quoting=post)
        ends = [closed("bob")] if closing else [deleted(answer), deleted(quote)]

        for batch in ([post], ends, [answer, quote]):
            await deliver(POST_CARDS, store, recorded(batch))

        assert await store.counts(post.post_id) == PostCounts()

    async def test_what_a_batch_asks_it_asks_at_once(self, store: CassandraPostCards) -> None:
        session = InARow(self.views.session)
        asking = self.views.kind(session, self.views.namespace)
        post = tweet("ada")
        answer, quote = reply("bob", post), tweet("cleo", quoting=post)
        plain, rest = recorded([post]), recorded([answer, quote, liked("dan", post)])

        await deliver(POST_CARDS, asking, plain)
        # What is said, whether its author's account is closed, the checkpoint.
        assert session.waits == 3
        await deliver(POST_CARDS, asking, rest)
        # The same, and counts after what they are taken from.
        assert session.waits == 3 + 4

    async def kept_words(self) -> list[bytes]:
        """All texts that can be read from the tables of posts and edits."""
        found = []
        for table in await self.views.tables():
            if table.endswith(("_posts", "_edits")):
                for row in await self.views.session.execute(f"SELECT * FROM {table}"):  # noqa: S608
                    found += [cell for cell in row if isinstance(cell, bytes) and cell]
        return found
