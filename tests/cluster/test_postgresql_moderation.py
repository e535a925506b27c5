"""Moderation in PostgreSQL keeps the contract."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from infra.postgresql.moderation import PostgresqlModeration
from projections.moderation import Moderation
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import emptied
from tests.contract.moderation_contract import ModerationContract


class TestPostgresqlModeration(ModerationContract):
    @pytest.fixture
    def empty_store(
        self, cluster: LocalCluster
    ) -> Iterator[Callable[[], AbstractAsyncContextManager[Moderation]]]:
        with emptied(cluster, "moderation", PostgresqlModeration) as opened:
            yield opened
