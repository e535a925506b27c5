"""What every test shares: how long Hypothesis searches, and the browser."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.cluster import local

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


def pytest_unconfigure(config: pytest.Config) -> None:
    """The run's engines are stopped by the process that started its workers."""
    if not hasattr(config, "workerinput"):
        local.stop(str(local.run_number()))
