"""A process is known again by more than its number, and nobody else's is touched."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from infra.cluster import processes
from infra.cluster.engine import Launch
from infra.cluster.processes import Process

SLEEP = (sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('here', flush=True); time.sleep(60)",
)
WITH_A_CHILD = (
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c',"
    " 'import time; time.sleep(60)']); print('here', flush=True); time.sleep(60)",
)

Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a program and waits until it says that it is here."""
    monkeypatch.setattr(processes, "LEFTOVERS_S", 0.2)
    started = []

    def start(*argv: str, wrapper: tuple[str, ...] = ()) -> Process:
        log = tmp_path / "log"
        process = processes.start(Launch(argv, wrapper), ports=(), folder=tmp_path, log=log)
        started.append(process)
        eventually(lambda: log.read_text().endswith("here\n"))
        return process

    yield start
    for process in started:
        processes.stop(process, signal.SIGKILL, 1)


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        os.sched_yield()


def test_what_was_started_runs_until_it_is_stopped(start: Start) -> None:
    process = start(*SLEEP)
    assert processes.is_running(process)

    processes.stop(process, signal.SIGTERM, 10)

    assert not processes.is_running(process)


def test_a_process_is_running_while_its_wrapper_becomes_it(start: Start) -> None:
    process = start(*SLEEP, wrapper=("env", "SOME=thing"))

    assert process.argv == SLEEP
    assert processes.is_running(process)


def test_it_runs_in_a_session_of_its_own(start: Start) -> None:
    assert os.getsid(start(*SLEEP).pid) != os.getsid(0)


def test_what_died_does_not_run(start: Start) -> None:
    process = start(*SLEEP)

    os.kill(process.pid, signal.SIGKILL)

    eventually(lambda: not processes.is_running(process))


@pytest.mark.parametrize("other", [{"started": 1}, {"argv": ("redis-server", "redis.conf")}])
def test_another_process_with_the_number_is_left_alone(
    start: Start, other: dict[str, object]
) -> None:
    foreign = start(*SLEEP)
    recorded = msgspec.structs.replace(foreign, **other)
    assert not processes.is_running(recorded)

    processes.stop(recorded, signal.SIGKILL, 1)

    assert processes.is_running(foreign)


def test_what_does_not_stop_is_killed(start: Start) -> None:
    process = start(*STUBBORN)

    processes.stop(process, signal.SIGTERM, 0.1)

    assert not processes.is_running(process)


def test_what_it_started_itself_ends_with_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LEFTOVERS_S", 0.2)
    process = start(*WITH_A_CHILD)
    child = children(process.pid)

    processes.stop(process, signal.SIGTERM, 10)

    eventually(lambda: not any(Path("/proc", pid, "cmdline").exists() for pid in child))


def test_its_memory_counts_what_it_started(start: Start) -> None:
    assert processes.memory_bytes(start(*WITH_A_CHILD)) > processes.memory_bytes(start(*SLEEP))


def test_a_log_that_has_grown_long_is_put_aside(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES_MAX", 10)
    (tmp_path / "log").write_text("what an earlier run said\n")

    start(*SLEEP)

    assert (tmp_path / "log.1.log").read_text() == "what an earlier run said\n"
    assert (tmp_path / "log").read_text() == "here\n"


def children(pid: int) -> list[str]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert found
    return found
