"""The account directory in PostgreSQL with a cache before it keeps the contract."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from infra.postgresql.account_directory import PostgresqlAccountDirectory
from tests.cluster.cached import ComparedDirectory, caches_on
from tests.cluster.examples import fewer_examples
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import emptied
from tests.contract.account_directory_contract import AccountDirectoryContract

Opened = Callable[[], AbstractAsyncContextManager[ComparedDirectory]]


@pytest.mark.torture
class TestCachedAccountDirectory(AccountDirectoryContract):
    @pytest.fixture
    def empty_store(self, cluster: LocalCluster) -> Iterator[Opened]:
        with emptied(cluster, "account_directory", PostgresqlAccountDirectory) as made:

            @asynccontextmanager
            async def opened() -> AsyncIterator[ComparedDirectory]:
                async with made() as store, caches_on(cluster.ports.redis) as another:
                    yield ComparedDirectory(store, another())

            yield opened

    test_every_delivery_of_a_history_gives_the_same_view = fewer_examples(
        AccountDirectoryContract.test_every_delivery_of_a_history_gives_the_same_view, 10
    )
