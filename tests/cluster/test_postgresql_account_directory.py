"""The account directory in PostgreSQL keeps the contract."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from infra.postgresql.account_directory import PostgresqlAccountDirectory
from projections.account_directory import AccountDirectory
from tests.cluster.examples import fewer_examples
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import emptied
from tests.contract.account_directory_contract import AccountDirectoryContract


class TestPostgresqlAccountDirectory(AccountDirectoryContract):
    test_every_delivery_of_a_history_gives_the_same_view = fewer_examples(
        AccountDirectoryContract.test_every_delivery_of_a_history_gives_the_same_view, 30
    )

    @pytest.fixture
    def empty_store(
        self, cluster: LocalCluster
    ) -> Iterator[Callable[[], AbstractAsyncContextManager[AccountDirectory]]]:
        with emptied(cluster, "account_directory", PostgresqlAccountDirectory) as opened:
            yield opened
