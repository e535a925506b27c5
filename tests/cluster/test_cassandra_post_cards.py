"""Post cards in Cassandra keep the contract."""

from collections.abc import Sequence

import pytest

from domain.events import Recorded, ReplyPosted
from infra.cassandra.post_cards import CassandraPostCards
from projections.post_cards import POST_CARDS
from tests.cluster.cassandra_views import OnCassandra
from tests.cluster.examples import fewer_examples
from tests.contract.post_cards_contract import DOINGS, PostCardsContract, closed
from tests.contract.post_cards_model import Answers, answers
from tests.contract.projecting import deliver
from tests.facts import deleted, edited, recorded, reply, tweet


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

    async def kept_words(self) -> list[bytes]:
        """All texts that can be read from the tables of posts and edits."""
        found = []
        for table in await self.views.tables():
            if table.endswith(("_posts", "_edits")):
                for row in await self.views.session.execute(f"SELECT * FROM {table}"):  # noqa: S608
                    found += [cell for cell in row if isinstance(cell, bytes) and cell]
        return found
