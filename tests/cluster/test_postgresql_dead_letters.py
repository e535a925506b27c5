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


async def test_what_was_asked_for_is_told_of_all_builds_at_once(cluster: LocalCluster) -> None:
    words, others = Build("words", 1, 1), Build("others", 2, 3)
    async with shared_tables(cluster) as namespace, database_of(cluster) as database:
        letters = PostgresqlDeadLetters(database, namespace)
        for build in (words, others):
            await letters.park([Parked(build, 0, at, at, "odd") for at in (7, 5, 6)])
        await letters.request("words", 0, 7, "retry")
        await letters.request("others", 0, 5, "discard")
        await letters.request("others", 0, 6, "retry")

        found = await letters.asked_of_all()

        assert found == {build: await letters.asked(build) for build in (words, others)}
        assert [len(found[build]) for build in (words, others)] == [1, 2]


async def test_no_server_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    database = Database(NOWHERE)
    dead_letters = PostgresqlDeadLetters(database)

    with pytest.raises(StoreUnavailable):
        await dead_letters.park([Parked(Build("words", 1, 1), 0, 7, None, "odd")])
    with pytest.raises(Unavailable):
        await dead_letters.request("words", 0, 7, "retry")
    await database.close()
