"""Post cards in Cassandra with a cache before them keep the contract."""

from collections.abc import Sequence

import pytest

from domain.events import Recorded
from infra.cassandra.post_cards import CassandraPostCards
from projections.post_cards import POST_CARDS
from tests.cluster.cached import CachedOnCassandra, ComparedCards
from tests.cluster.examples import fewer_examples
from tests.contract.post_cards_contract import DOINGS, PostCardsContract
from tests.contract.post_cards_model import Answers, answers


@pytest.mark.torture
class TestCachedPostCards(CachedOnCassandra, PostCardsContract):
    kind = CassandraPostCards
    compared = ComparedCards
    projection = POST_CARDS
    doings = DOINGS
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        PostCardsContract.test_any_delivery_of_a_history_gives_what_the_history_says, 3
    )

    async def told(self, store: ComparedCards, history: Sequence[Recorded]) -> Answers:
        return await answers(store, history)
