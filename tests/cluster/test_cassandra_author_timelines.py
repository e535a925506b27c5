"""Author timelines in Cassandra keep the contract."""

from collections.abc import Sequence

from domain.events import Recorded
from infra.cassandra.author_timelines import CassandraAuthorTimelines
from projections.author_timelines import AUTHOR_TIMELINES
from tests.cluster.cassandra_views import OnCassandra
from tests.cluster.examples import fewer_examples
from tests.contract.author_timelines_contract import (
    DOINGS,
    Answers,
    AuthorTimelinesContract,
    answers,
)


class TestCassandraAuthorTimelines(OnCassandra, AuthorTimelinesContract):
    kind = CassandraAuthorTimelines
    projection = AUTHOR_TIMELINES
    doings = DOINGS
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        AuthorTimelinesContract.test_any_delivery_of_a_history_gives_what_the_history_says, 6
    )

    async def told(self, store: CassandraAuthorTimelines, history: Sequence[Recorded]) -> Answers:
        return await answers(store)
