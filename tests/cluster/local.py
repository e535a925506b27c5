"""A cluster of engines that a test run starts, and how the run's processes share it."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.cluster.ports import Ports, ports_from
from infra.cluster.processes import has_ended
from infra.cluster.sockets import taken

STARLING: Final = (sys.executable, "-c", "from infra.cli import main; main()")
COMMAND_S: Final = 900.0
# How long a test may take that waits for the engines, which may have to be downloaded first.
FIRST_START_S: Final = 900
LOOK_EVERY_S: Final = 0.05

# Below the ports that the system gives to connections, above those of the default cluster.
FIRST_PORT, RUNS, PORTS_PER_RUN = 20_000, 500, 20
CLUSTERS: Final = Path(tempfile.gettempdir()) / f"starling-test-clusters-{os.getuid()}"
# There an fsync costs nothing. A container may have next to nothing of it, or run no code from it.
_SHM: Final = Path("/dev/shm")  # noqa: S108
IN_MEMORY: Final = _SHM / CLUSTERS.name
ROOM_BYTES: Final = 4 << 30
# Cassandra writes all tables that say which tables there are, and more, to the disk for each change
# of them. What does not outlive a run need not be found again after a kill.
FORGETFUL: Final = "-Dcassandra.test.flush_local_schema_changes=false -Dcassandra.unsafesystem=true"


class LocalCluster(NamedTuple):
    """Engines in a folder, on ports of their own; `java` is what their Java is told besides."""

    folder: Path
    base_port: int
    only: Sequence[str] = ()
    java: str = ""

    @property
    def ports(self) -> Ports:
        return ports_from(self.base_port)

    def up(self) -> str:
        """Start what does not run. What the program printed."""
        return self.told("up").stdout

    def down(self, *, wipe: bool = False) -> None:
        self.told("down", *(["--wipe"] if wipe else []))

    def status(self) -> Mapping[str, Mapping[str, Any]]:
        """By name, what the program says of each engine."""
        told = self.run("status", "--json").stdout
        return {one["engine"]: one for one in json.loads(told)}

    def kill(self, *engines: str) -> None:
        """As `kill -9` does; return once they are gone: a large process takes a while to die."""
        found = self.status()
        pids = [found[name]["pid"] for name in engines]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        pause = threading.Event()
        while not all(map(has_ended, pids)):
            pause.wait(LOOK_EVERY_S)

    def told(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """What the program answers, which must be a success."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`starling cluster` with these arguments."""
        only = ("--only", ",".join(self.only)) if self.only else ()
        return subprocess.run(
            (*STARLING, "cluster", *arguments, "--dir", str(self.folder), *only),
            env={
                **os.environ,  # noqa: TID251 - handed on
                "STARLING_CLUSTER_PORT": str(self.base_port),
                **({"JAVA_TOOL_OPTIONS": self.java} if self.java else {}),
            },
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )


def run_number() -> int:
    """The same in every process of a test run: the number of the one that started them."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()  # noqa: TID251


def shared(*, forgetful: bool = False) -> LocalCluster:
    """The cluster of this run, or the one that is said to be there already: it stays up. Where it
    may be forgetful, its engines keep what they have in memory, if there is room, and one that is
    killed does not find it again."""
    kept = os.environ.get("STARLING_TEST_CLUSTER")  # noqa: TID251 - FOLDER:PORT, for many short runs
    if kept:
        folder, _, port = kept.rpartition(":")
        return LocalCluster(Path(folder), int(port))
    claimed = _claimed(str(run_number()))
    if not forgetful:
        return claimed
    in_memory = IN_MEMORY / claimed.folder.name
    if not in_memory.exists():
        if claimed.folder.exists() or not _has_room(_SHM):
            return claimed._replace(java=FORGETFUL)
        in_memory.mkdir(parents=True)
    return claimed._replace(folder=in_memory, java=FORGETFUL)


def own(only: Sequence[str]) -> LocalCluster:
    """A cluster for this process alone."""
    return _claimed(f"{run_number()}-{os.getpid()}", only)


def stop(cluster: str) -> None:
    """Stop a cluster and remove everything it had; the name is that of its folder."""
    port = CLUSTERS / f"{cluster}.port"
    if not port.exists():
        return
    for folder in (CLUSTERS / cluster, IN_MEMORY / cluster):
        if folder.exists():
            LocalCluster(folder, int(port.read_text())).down(wipe=True)
            shutil.rmtree(folder, ignore_errors=True)
    port.unlink()


def _has_room(place: Path) -> bool:
    """Whether engines can be there."""
    if not place.is_dir():
        return False
    found = os.statvfs(place)
    runs_code = not found.f_flag & os.ST_NOEXEC
    return runs_code and found.f_bavail * found.f_frsize >= ROOM_BYTES


def stop_those_of_dead_runs() -> None:
    """A run that was killed could not stop its own."""
    for port in CLUSTERS.glob("*.port"):
        if not Path("/proc", port.stem.split("-")[0]).exists():
            stop(port.stem)


def _claimed(name: str, only: Sequence[str] = ()) -> LocalCluster:
    folder = CLUSTERS / name
    port = folder.with_suffix(".port")
    if not port.exists():
        port.write_text(str(free_base_port(os.getpid())))
    return LocalCluster(folder, int(port.read_text()), only)


def own_port() -> int:
    """One on which nobody listens, and nobody will until a program does that is given it: one
    that the system says is free it gives to whoever asks next, and a program takes seconds to
    begin."""
    return next(port for port in _own_ports() if not taken([port]))


def own_namespace(kind: str) -> str:
    """One that no other installation on these engines has, of this run or of an earlier one."""
    return f"{kind}{os.getpid()}x{secrets.randbelow(100_000)}"


@cache
def _own_ports() -> "cycle[int]":
    first = free_base_port(os.getpid())
    return cycle(range(first, first + PORTS_PER_RUN))


def free_base_port(start: int) -> int:
    """The first of so many ports on which nobody listens, and which no other process of tests is
    given while this one lives: engines take a while to listen. Runs begin to look at different
    ones."""
    CLUSTERS.mkdir(exist_ok=True)
    for offset in range(RUNS):
        base = FIRST_PORT + (start + offset) % RUNS * PORTS_PER_RUN
        if not taken(range(base, base + PORTS_PER_RUN)) and _is_ours(base):
            return base
    raise AssertionError("Every port is taken")


def _is_ours(base: int) -> bool:
    """From now on, until this process ends; False where it is another's, or was given before."""
    claim = os.open(CLUSTERS / f"{base}.claim", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return False
    return True
