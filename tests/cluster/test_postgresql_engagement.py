"""The analytics tables in PostgreSQL keep the contract."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from infra.postgresql.engagement import PostgresqlEngagement
from projections.engagement import Engagement
from tests.cluster.examples import fewer_examples
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import emptied
from tests.contract.engagement_contract import EngagementContract


class TestPostgresqlEngagement(EngagementContract):
    test_every_delivery_of_a_history_gives_what_it_says_in_the_end = fewer_examples(
        EngagementContract.test_every_delivery_of_a_history_gives_what_it_says_in_the_end, 30
    )

    @pytest.fixture
    def empty_store(
        self, cluster: LocalCluster
    ) -> Iterator[Callable[[], AbstractAsyncContextManager[Engagement]]]:
        with emptied(cluster, "engagement", PostgresqlEngagement) as opened:
            yield opened
