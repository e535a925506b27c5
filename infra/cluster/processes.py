"""Processes that outlive this one. A number is not enough to know one again: the system gives it
to others, so its start and its command line are kept beside it, and signals go through a pidfd.
"""

import os
import select
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from infra.cluster.engine import Launch

LOG_BYTES_MAX: Final = 16 * 1024 * 1024
LEFTOVERS_S: Final = 10.0
LOOK_EVERY_S: Final = 0.1
PROC: Final = Path("/proc")


class Process(msgspec.Struct, frozen=True):
    """A process that was started here. `started` is in clock ticks since the machine started."""

    pid: int
    started: int
    argv: tuple[str, ...]
    ports: tuple[int, ...]


class _Stat(NamedTuple):
    state: str
    session: int
    started: int


def start(launch: Launch, *, ports: tuple[int, ...], folder: Path, log: Path) -> Process:
    """Start it in a session of its own, so that signals to this terminal do not reach it."""
    _make_room(log)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - the programs are ours to choose
            (*launch.wrapper, *launch.argv),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # It is not for this object to wait for: see `_reap`.
    process.returncode = 0
    found = _stat(process.pid)
    started = -1 if found is None else found.started
    return Process(process.pid, started, launch.argv, ports)


def is_running(process: Process) -> bool:
    """Whether it is there, and the one that was started."""
    _reap(process.pid)
    found = _stat(process.pid)
    if found is None or found.state in "ZX" or found.started != process.started:
        return False
    # Until a wrapper has become the program, the program is the end of its command line; in the
    # moment when it becomes it, there is none.
    command_line = _command_line(process.pid)
    return not command_line or command_line[-len(process.argv) :] == process.argv


def has_ended(pid: int) -> bool:
    """Whether no process with the number runs; one that nobody has waited for yet does not."""
    found = _stat(pid)
    return found is None or found.state in "ZX"


def stop(process: Process, how: signal.Signals, grace_s: float) -> None:
    """Ask it to stop, kill it after `grace_s`, and see to it that what it started ends too."""
    with ExitStack() as held:
        leader = _hold(process.pid, held)
        if leader is None or not is_running(process):
            wait_for_leftovers(process)
            return
        # Only while it is there do its session's processes belong to it for certain.
        members = [_hold(member, held) for member in _session(process.pid)]
        signal.pidfd_send_signal(leader, how)
        _see_off(leader, grace_s)
        for member in filter(None, members):
            _see_off(member, LEFTOVERS_S)
        _reap(process.pid)


def wait_for_leftovers(process: Process) -> None:
    """Give what a killed process had started some seconds to notice and end."""
    for _ in range(int(LEFTOVERS_S / LOOK_EVERY_S)):
        # A number that is in use again has no leftovers: the system waits until they are gone.
        if _stat(process.pid) is not None or not _session(process.pid):
            return
        time.sleep(LOOK_EVERY_S)


def memory_bytes(process: Process) -> int:
    """What its session holds: shared pages are counted once (Pss) where that can be read."""
    return sum(_memory_bytes(member) for member in (*_session(process.pid), process.pid))


def _hold(pid: int, until: ExitStack) -> int | None:
    """A handle on the process that can mean no other, or None if it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    until.callback(os.close, handle)
    return handle


def _see_off(handle: int, grace_s: float) -> None:
    """Wait for its end, and kill it if that takes too long."""
    if not _ends(handle, grace_s):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        _ends(handle, LEFTOVERS_S)


def _ends(handle: int, within_s: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(within_s * 1000))


def _reap(pid: int) -> None:
    """Let a child that has ended go, if it was a child of this process."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _session(leader: int) -> tuple[int, ...]:
    """The processes of the session that this process led, without it."""
    found = ((pid, _stat(pid)) for pid in map(int, filter(str.isdecimal, os.listdir(PROC))))
    return tuple(
        pid
        for pid, stat in found
        if stat is not None and stat.session == leader and pid != leader and stat.state not in "ZX"
    )


def _stat(pid: int) -> _Stat | None:
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold anything, spaces and parentheses too.
    fields = text[text.rindex(")") + 2 :].split()
    return _Stat(state=fields[0], session=int(fields[3]), started=int(fields[19]))


def _command_line(pid: int) -> tuple[str, ...]:
    try:
        text = (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(os.fsdecode(part) for part in text.split(b"\0")[:-1])


def _memory_bytes(pid: int) -> int:
    for file, name in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with suppress(OSError):
            for line in (PROC / str(pid) / file).read_text().splitlines():
                if line.startswith(name):
                    return int(line.split()[1]) * 1024
    return 0


def _make_room(log: Path) -> None:
    """Put a log that has become long aside."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".1.log"))
