"""`starling cluster` starts real engines, and says what runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from infra.cluster.cluster import NAMES
from infra.cluster.processes import has_ended
from tests.cluster.local import LocalCluster
from tests.cluster.round_trips import ROUND_TRIPS

LOOKS_MAX: Final = 60


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
    # One that is busy with other tests may need longer for an answer than it is given.
    looks = (cluster.status() for _ in range(LOOKS_MAX))
    status = next(look for look in looks if all(_is_ready(one) for one in look.values()))

    assert list(status) == list(NAMES)
    assert all(one["memory_bytes"] > 1_000_000 for one in status.values())
    assert not any(has_ended(one["pid"]) for one in status.values())
    assert all(Path(one["log"]).is_file() for one in status.values())


def _is_ready(told: Mapping[str, Any]) -> bool:
    return bool(told["state"] == "ready")
