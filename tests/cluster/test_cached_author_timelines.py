"""Author timelines in Cassandra with a cache before them keep the contract."""

from collections.abc import Sequence

import pytest

from domain.events import Recorded
from infra.cassandra.author_timelines import CassandraAuthorTimelines
from projections.author_timelines import AUTHOR_TIMELINES
from tests.cluster.cached import CachedOnCassandra, ComparedTimelines
from tests.cluster.examples import fewer_examples
from tests.contract.author_timelines_contract import (
    DOINGS,
    Answers,
    AuthorTimelinesContract,
    answers,
)


@pytest.mark.torture
class TestCachedAuthorTimelines(CachedOnCassandra, AuthorTimelinesContract):
    kind = CassandraAuthorTimelines
    compared = ComparedTimelines
    projection = AUTHOR_TIMELINES
    doings = DOINGS
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        AuthorTimelinesContract.test_any_delivery_of_a_history_gives_what_the_history_says, 5
    )

    async def told(self, store: ComparedTimelines, history: Sequence[Recorded]) -> Answers:
        return await answers(store)
