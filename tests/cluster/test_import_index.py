"""What imports ask of the cluster's log, and plan in it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager

import pytest

from commands.ports import Append
from domain.errors import Conflict
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.import_index import PARTITIONS_MAX, CassandraImportIndex
from infra.cassandra.loop_thread import LoopThread
from tests import facts
from tests.cluster import cassandra_log
from tests.cluster.local import LocalCluster


@pytest.fixture
async def log(made: LocalCluster) -> AsyncIterator[ClusterEventLog]:
    async with (
        cassandra_log.session_on(made) as session,
        cassandra_log.producer_on(made) as producer,
    ):
        await cassandra_log.empty(session)
        yield cassandra_log.log_on(session, producer)
        await session.create(
            [
                f"DROP TABLE IF EXISTS {cassandra_log.NAMESPACE}_{name}"
                for name in ("planned", "imported")
            ]
        )


async def test_an_import_is_told_what_earlier_ones_left(
    made: LocalCluster, log: ClusterEventLog
) -> None:
    tweet, opened = facts.tweet("ada"), facts.opened("ada")
    await log.publish([tweet])
    await log.append([Append(opened.stream, 0, (opened,))])

    def asked() -> tuple[dict[str, bytes], frozenset[str]]:
        with _index(made) as index:
            index.recorded("import/higgs", {"tweet": 1, "ada": 2})
            index.recorded("import/other", {"tweet": 3})
            many = [f"post/{n}" for n in range(1, 2 * PARTITIONS_MAX)]
            streams = [tweet.stream, opened.stream, "account/1", *many]
            return dict(index.receipts("import/higgs")), index.existing(streams)

    assert await asyncio.to_thread(asked) == (
        {"tweet": b"1", "ada": b"2"},
        frozenset({tweet.stream, opened.stream}),
    )


async def test_what_keys_of_an_import_will_mean_is_planned(
    made: LocalCluster, log: ClusterEventLog
) -> None:
    """Once for all who try, and told as a receipt only when there are events of it."""
    assert log.writable
    planned = {f"post/{n}": n for n in range(100)}

    def plan() -> None:
        with _index(made) as index:
            for _ in range(2):
                index.plan("import/planned", planned)
            index.plan("import/other", {"post/1": 7})
            with pytest.raises(Conflict):
                index.plan("import/planned", {"post/100": 100, "post/1": 7})
            for _ in range(2):
                index.plan_again("import/planned", {"post/2": 200}, {"post/2": 2})
            with pytest.raises(Conflict):
                index.plan_again("import/planned", {"post/3": 300}, {"post/3": 2})
            index.recorded("import/planned", {"post/1": 1, "post/2": 200})

    await asyncio.to_thread(plan)

    def told() -> tuple[dict[str, int], dict[str, bytes]]:
        with _index(made) as index:
            scope = "import/planned"
            return dict(index.planned(scope)), dict(index.receipts(scope))

    now, receipts = await asyncio.to_thread(told)
    assert {key: now[key] for key in planned} == {**planned, "post/2": 200}
    assert receipts == {"post/1": b"1", "post/2": b"200"}


@contextmanager
def _index(made: LocalCluster) -> Iterator[CassandraImportIndex]:
    blocking = LoopThread("127.0.0.1", made.ports.cassandra, cassandra_log.KEYSPACE)
    index = CassandraImportIndex(blocking, cassandra_log.NAMESPACE, cassandra_log.CODEC)
    with closing(index):
        yield index
