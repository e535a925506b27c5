"""Dead letters in PostgreSQL keep the contract."""

from collections.abc import AsyncIterator

import pytest

from domain.errors import Unavailable
from infra.postgresql import database as module
from infra.postgresql.database import Database
from infra.postgresql.dead_letters import PostgresqlDeadLetters
from projections.projection import StoreUnavailable
from streams.dead_letters import Build, Parked
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, database_of, shared_tables
from tests.contract.dead_letters_contract import DeadLettersContract


class TestPostgresqlDeadLetters(DeadLettersContract):
    @pytest.fixture
    async def dead_letters(self, cluster: LocalCluster) -> AsyncIterator[PostgresqlDeadLetters]:
        async with shared_tables(cluster) as namespace, database_of(cluster) as database:
            yield PostgresqlDeadLetters(database, namespace)


async def test_no_server_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    database = Database(NOWHERE)
    dead_letters = PostgresqlDeadLetters(database)

    with pytest.raises(StoreUnavailable):
        await dead_letters.park([Parked(Build("words", 1, 1), 0, 7, None, "odd")])
    with pytest.raises(Unavailable):
        await dead_letters.request("words", 0, 7, "retry")
    await database.close()
