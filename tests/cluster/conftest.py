"""What runs on the engines is marked so."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import cassandra_log
from tests.cluster.local import FIRST_START_S, LocalCluster
from tests.cluster.worker_town import Town, town_at

HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the engines, and may be what waits for their first download."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.slow)
            # Torture lasts as long as it lasts: it says so for a module, which counts less.
            if item.get_closest_marker("torture") is None:
                item.add_marker(pytest.mark.timeout(FIRST_START_S))


@pytest.fixture
def town(cluster: LocalCluster, tmp_path: Path) -> Iterator[Town]:
    """Workers of a notebook on Kafka. Whose town is another one makes their own."""
    with town_at(f"127.0.0.1:{cluster.ports.kafka}", tmp_path) as town:
        yield town


@pytest.fixture
def patient_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for its disk for seconds is not what is tested."""
    monkeypatch.setattr("infra.redis.client.TIMEOUT_S", 60.0)


@pytest.fixture(scope="session")
def made(cluster: LocalCluster) -> Iterator[LocalCluster]:
    """The engines with the tables and topics of a log, which all tests of this process share: to
    make and drop them takes longer than most tests. Who needs the tables empty empties them."""
    asyncio.run(cassandra_log.make(cluster))
    yield cluster
    asyncio.run(cassandra_log.remove(cluster))
