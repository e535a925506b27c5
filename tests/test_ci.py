"""What lands a change: everything passed, or next to nothing failed once and passed alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parent.parent
FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")
# A `make` whose `test` leaves the names of what failed, and which exits as a file says.
MAKE: Final = f"""#!/usr/bin/env bash
target="${{@: -1}}"
echo "$target" >> asked
if [ "$target" = test ] && [ -f fails ]; then
    mkdir -p {FAILED.parent}
    cp fails {FAILED}
fi
exit "$(< "$target")"
"""
SETTINGS: Final = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


def as_pytest_leaves(failed: Sequence[str]) -> str:
    return json.dumps(dict.fromkeys(failed, True), indent=2)


class Landing(NamedTuple):
    folder: Path

    def run(self, test: int, failed: Sequence[str] = (), again: int = 0) -> tuple[int, list[str]]:
        """The exit status of the whole and what was made, where `make test` exits with `test` and
        says that these `failed`, and `make test-again` exits with `again`."""
        (self.folder / "test").write_text(str(test))
        (self.folder / "test-again").write_text(str(again))
        if failed:
            (self.folder / "fails").write_text(as_pytest_leaves(failed))
        ended = subprocess.run(
            ["bash", ".ci/run"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        for one in failed if ended.returncode == 0 else ():
            assert one in ended.stdout
        return ended.returncode, (self.folder / "asked").read_text().split()


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landing:
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), *os.get_exec_path()]))
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    make = tmp_path / "make"
    make.write_text(MAKE)
    make.chmod(0o700)
    return Landing(tmp_path)


def test_what_passes_is_not_run_again(landing: Landing) -> None:
    assert landing.run(0) == (0, ["test"])


def test_one_that_failed_and_passes_alone_is_named(landing: Landing) -> None:
    assert landing.run(2, ["tests/test_a.py::test_b"]) == (0, ["test", "test-again"])


def test_one_that_fails_alone_too_has_failed(landing: Landing) -> None:
    assert landing.run(2, ["tests/test_a.py::test_b"], again=2) == (2, ["test", "test-again"])


def test_more_than_two_have_failed(landing: Landing) -> None:
    failed = [f"tests/test_a.py::test_{number}" for number in range(3)]

    assert landing.run(2, failed) == (1, ["test"])


def test_what_failed_before_is_no_excuse_for_what_is_not_a_test(landing: Landing) -> None:
    stale = landing.folder / FAILED
    stale.parent.mkdir(parents=True)
    stale.write_text(as_pytest_leaves(["tests/test_a.py::test_b"]))

    assert landing.run(2) == (1, ["test"])


def test_pytest_leaves_names_as_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_1(): assert 0\ndef test_2(): assert 0\n")
    (tmp_path / "pytest.ini").write_text(SETTINGS)

    tests = [sys.executable, "-m", "pytest", "-n", "1", "test_a.py"]
    subprocess.run(tests, cwd=tmp_path, capture_output=True, check=False)

    assert (tmp_path / FAILED).read_text() == as_pytest_leaves(
        ["test_a.py::test_1", "test_a.py::test_2"]
    )
