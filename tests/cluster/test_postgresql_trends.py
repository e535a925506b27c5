"""Trends in PostgreSQL keep the contract."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from infra.postgresql.trends import PostgresqlTrends
from projections.trends import Trends
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import emptied
from tests.contract.trends_contract import TrendsContract


class TestPostgresqlTrends(TrendsContract):
    @pytest.fixture
    def empty_store(
        self, cluster: LocalCluster
    ) -> Iterator[Callable[[], AbstractAsyncContextManager[Trends]]]:
        with emptied(cluster, "trends", PostgresqlTrends) as opened:
            yield opened
