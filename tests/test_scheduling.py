"""Units of tests: what shares programs stays together, what takes long begins first, and a process
that dies takes one test with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scheduling import ON_ENGINES, in_order, unit_of


def test_what_asks_the_server_on_the_engines_stays_together() -> None:
    assert unit_of("tests/blackbox/test_a.py::test_b[cluster]") == ON_ENGINES
    assert unit_of("tests/blackbox/test_b.py::test_c[cluster-like-3]") == ON_ENGINES
    assert unit_of("tests/blackbox/test_b.py::test_c[like-cluster]") == ON_ENGINES
    assert unit_of("tests/blackbox/test_b.py::test_c[embedded]") == "tests/blackbox/test_b.py"


def test_tests_of_a_file_stay_together_but_for_long_ones() -> None:
    assert unit_of("tests/unit/test_a.py::TestB::test_c") == "tests/unit/test_a.py"
    long = "tests/model/test_faults.py::test_a[b::c]"
    assert unit_of(long) == long


def test_long_ones_begin_first_and_those_that_wait_take_turns_with_those_that_compute() -> None:
    units = (
        "tests/unit/test_a.py",
        "tests/cluster/test_a.py",
        "tests/model/test_a.py::test_b",
        "tests/cluster/test_replay.py",
        "tests/model/test_faults.py::test_c",
        "tests/blackbox/test_a.py",
        "tests/cluster/test_a.py",
        ON_ENGINES,
    )

    assert in_order(units) == [
        ON_ENGINES,
        "tests/model/test_faults.py::test_c",
        "tests/cluster/test_replay.py",
        "tests/model/test_a.py::test_b",
        "tests/cluster/test_a.py",
        "tests/unit/test_a.py",
        "tests/blackbox/test_a.py",
    ]


CONFTEST = """
from tests.scheduling import Units

def pytest_xdist_make_scheduler(config, log):
    return Units(config, log)
"""
SETTINGS = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
PASSES = "def test_1(): pass\ndef test_2(): pass\n"
DIES = "import os\ndef test_1(): pass\ndef test_2(): os.abort()\ndef test_3(): pass\n"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("place", "processes"), [("first", 3), ("amid", 1), ("last", 3)])
def test_of_a_process_that_dies_one_test_fails_and_all_others_run(
    tmp_path: Path, processes: int, place: str
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
    )
    for name in "bcdefg":
        (tmp_path / f"test_{name}.py").write_text(PASSES)
    name = {"first": "a", "amid": "c_", "last": "z"}[place]
    (tmp_path / f"test_{name}.py").write_text(DIES)

    options = f"-q -p no:cacheprovider -n {processes} --dist loadscope --no-loadscope-reorder"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=280,
        cwd=Path(__file__).parent.parent,
        check=False,
    )

    assert "1 failed, 14 passed" in ended.stdout, ended.stdout + ended.stderr
