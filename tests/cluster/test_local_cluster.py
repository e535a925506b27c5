"""`starling cluster` starts real engines, brings them back after a crash, and leaves nothing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from infra.cluster.cluster import NAMES
from infra.cluster.processes import has_ended
from infra.cluster.sockets import taken
from tests.cluster import local
from tests.cluster.local import LocalCluster
from tests.cluster.round_trips import ROUND_TRIPS

# Those that hold what cannot be made again from the log.
HOLD_THE_TRUTH: Final = ("kafka", "cassandra", "redis", "postgresql")


@pytest.mark.parametrize("engine", NAMES)
def test_a_client_writes_to_the_engine_and_reads_it_back(
    engine: str, cluster: LocalCluster
) -> None:
    trip = ROUND_TRIPS[engine]

    trip.write(cluster.ports, "starlings")

    assert trip.read(cluster.ports) == "starlings"


def test_a_second_up_changes_nothing(cluster: LocalCluster) -> None:
    before = {name: one["pid"] for name, one in cluster.status().items()}

    cluster.up()

    assert {name: one["pid"] for name, one in cluster.status().items()} == before


def test_status_says_what_runs(cluster: LocalCluster) -> None:
    status = cluster.status()

    assert list(status) == list(NAMES)
    assert {one["state"] for one in status.values()} == {"ready"}
    assert all(one["memory_bytes"] > 1_000_000 for one in status.values())
    assert not any(has_ended(one["pid"]) for one in status.values())
    assert all(Path(one["log"]).is_file() for one in status.values())


@pytest.fixture
def own(engines_can_run: None) -> Iterator[LocalCluster]:
    """Engines that a test may kill."""
    own = local.own(HOLD_THE_TRUTH)
    yield own
    local.stop(own.folder.name)


def test_what_was_acknowledged_survives_the_death_of_the_engines(own: LocalCluster) -> None:
    own.up()
    for engine in own.only:
        ROUND_TRIPS[engine].write(own.ports, f"acknowledged by {engine}")

    for one in own.status().values():
        os.kill(one["pid"], signal.SIGKILL)

    assert {one["state"] for one in own.status().values()} == {"crashed"}
    own.up()
    assert {name: ROUND_TRIPS[name].read(own.ports) for name in own.only} == {
        name: f"acknowledged by {name}" for name in own.only
    }

    pids = [one["pid"] for one in own.status().values()]
    own.down()

    assert {one["state"] for one in own.status().values()} == {"stopped"}
    assert all(has_ended(pid) for pid in pids)
    assert taken(own.ports) == []
