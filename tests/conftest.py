"""What every test shares: how long Hypothesis searches, the browser, and the engines."""

import fcntl
import gc
import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from xdist.remote import Producer

from infra.cluster.jdks import jdk
from infra.cluster.programs import Missing
from infra.interpreter import COLLECT_AFTER
from tests.cluster import local
from tests.cluster.local import LocalCluster
from tests.scheduling import Units, in_order, unit_of

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}

# In CI the same code gives the same verdict; elsewhere each run looks in new places and
# remembers the failures that it found.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=IN_CI,
    database=None if IN_CI else DirectoryBasedExampleDatabase(ROOT / ".hypothesis" / "examples"),
    print_blob=True,
    # A contract's property is one function, whichever engine's class runs it, and what it takes of
    # fixtures it empties for each example. How long it takes to draw is a matter of the machine.
    suppress_health_check=[
        HealthCheck.differing_executors,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
settings.register_profile(
    "torture",
    settings.get_profile("default"),
    max_examples=5_000,
    derandomize=False,
)
settings.load_profile("default")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The system's Chromium. Its absence skips a test on a laptop and fails it in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing = "no Chromium on this machine (make browser installs Debian's)"
        if IN_CI:
            pytest.fail(missing)
        pytest.skip(missing)
    return Path(found)


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
        found = local.shared(forgetful=True)
        found.up()
    return found


def pytest_configure() -> None:
    """Thousands of tests are kept to the end: to look through them for garbage as often as Python
    does took a fifth of the time to collect them. A shell that runs a command in the background
    lets it ignore SIGINT, and so do the programs that it starts; tests send theirs one."""
    gc.set_threshold(*COLLECT_AFTER)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Also in one process: what shares programs stays together."""
    units = [unit_of(item.nodeid) for item in items]
    places = {unit: place for place, unit in enumerate(in_order(units))}
    items.sort(key=lambda item: places[unit_of(item.nodeid)])


def pytest_collection_finish() -> None:
    """What was collected is never looked through again."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Units | None:
    """Where whole units are to be handed out, a unit is what tests.scheduling says."""
    return Units(config, log) if config.getoption("dist") == "loadscope" else None


def what_is_missing() -> str | None:
    try:
        jdk(17, 17)
        jdk(21)
    except Missing as error:
        return str(error)
    return None if shutil.which("mvn") else "There is no mvn on the PATH"


def pytest_unconfigure(config: pytest.Config) -> None:
    """The run's engines are stopped by the process that started its workers."""
    if not hasattr(config, "workerinput"):
        local.stop(str(local.run_number()))
