"""Generations as of moments, in PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from infra.postgresql.database import Database
from infra.postgresql.generations import PostgresqlGenerations
from infra.postgresql.moments import PostgresqlMoments
from projections.projection import StoreUnavailable
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, database_of, shared_tables, url_of
from tests.contract.moments_contract import Kept, MomentsContract


class TestPostgresqlMoments(MomentsContract):
    @pytest.fixture
    async def kept(self, cluster: LocalCluster) -> AsyncIterator[Kept]:
        async with shared_tables(cluster) as namespace, database_of(cluster) as database:
            generations = PostgresqlGenerations(database, url_of(cluster), namespace)
            yield Kept(PostgresqlMoments(database, namespace), generations)


async def test_an_outage_is_told_as_one() -> None:
    database = Database(NOWHERE)

    with pytest.raises(StoreUnavailable):
        await PostgresqlMoments(database, "nowhere").every()
    await database.close()
