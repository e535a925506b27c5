"""The engines, started once for a whole test run."""

import fcntl
import shutil
from pathlib import Path
from typing import Final

import pytest

from infra.cluster.jdks import jdk
from infra.cluster.programs import Missing
from tests.cluster import local
from tests.cluster.local import LocalCluster
from tests.conftest import IN_CI

HERE: Final = Path(__file__).parent
FIRST_START_S: Final = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the engines, and may be what waits for their first download."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(FIRST_START_S))


@pytest.fixture(scope="session")
def engines_can_run() -> None:
    """What is missing skips a test on a laptop and fails it in CI."""
    missing = what_is_missing()
    if missing is not None:
        if IN_CI:
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture(scope="session")
def cluster(engines_can_run: None) -> LocalCluster:
    """All the engines, ready. Whoever comes first starts them; they stop when the run ends."""
    local.CLUSTERS.mkdir(exist_ok=True)
    with (local.CLUSTERS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        local.stop_those_of_dead_runs()
        found = local.shared()
        found.up()
    return found


def what_is_missing() -> str | None:
    try:
        jdk(17, 17)
        jdk(21)
    except Missing as error:
        return str(error)
    return None if shutil.which("mvn") else "There is no mvn on the PATH"
