"""The model test is worth something: each of these faults, planted in a copy, is caught by it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model.faults import FAULTS, Fault
from tests.model.hunt import FOUND
from tests.model.system import scratch

ROOT = Path(__file__).parent.parent.parent
COPIED = (
    "commands",
    "domain",
    "infra",
    "projections",
    "read_api",
    "streams",
    "web",
    "tests/__init__.py",
    "tests/asgi.py",
    "tests/model",
)
SEEDS = 8
# Enough to see that the copy itself disagrees with nothing; test_whole_system.py looks further.
SEEDS_WITHOUT_A_FAULT = 1
EXAMPLES = 15
STEPS = 50
# Of five two are left to torture: the other three are more than twenty, of all families.
PARAMETERS = [
    pytest.param(fault, id=fault.name, marks=[pytest.mark.torture] if place % 5 in {1, 3} else [])
    for place, fault in enumerate(FAULTS)
]


@pytest.fixture
def copy() -> Iterator[Path]:
    """The packages and this test, as they are now."""
    with scratch() as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                # Other processes compile modules meanwhile: "x.pyc.123" is gone in a moment.
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc.*"))
            else:
                shutil.copy2(source, target)
        yield Path(folder)


def hunt(folder: Path, seeds: int = SEEDS, first: int = 0) -> subprocess.CompletedProcess[str]:
    bounds = map(str, (seeds, EXAMPLES, STEPS, first))
    return subprocess.run(
        [sys.executable, "-m", "tests.model.hunt", *bounds],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", PARAMETERS)
def test_a_planted_fault_is_caught(fault: Fault, copy: Path) -> None:
    fault.plant(copy)

    hunted = hunt(copy, first=fault.seed)

    assert f"hunting in {copy}\n" in hunted.stdout, hunted.stderr
    assert hunted.returncode == FOUND, hunted.stderr[-4_000:]
    assert "answered:" in hunted.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_copy_without_a_fault_passes(copy: Path) -> None:
    hunted = hunt(copy, SEEDS_WITHOUT_A_FAULT)

    assert hunted.returncode == 0, hunted.stdout + hunted.stderr[-4_000:]
    assert hunted.stdout == f"hunting in {copy}\n"


def test_there_are_twenty_faults_and_no_two_alike() -> None:
    assert sum(not parameter.marks for parameter in PARAMETERS) >= 20
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
