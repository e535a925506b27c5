"""One engine in its folder: its data, its log, and the process that was started."""

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from infra.cluster import processes
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import Engine
from infra.cluster.processes import Process
from infra.cluster.programs import tail
from infra.cluster.sockets import taken

READY_S: Final = 180.0
STOP_S: Final = 30.0
LOOK_EVERY_S: Final = 0.1


class Step(StrEnum):
    """What is being done with an engine."""

    FETCHING = "fetching"
    FETCHED = "fetched"
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


class State(StrEnum):
    """How an engine is."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    CRASHED = "crashed"
    # It runs, on ports that are not those of the settings.
    ELSEWHERE = "elsewhere"


class EngineStatus(NamedTuple):
    """An engine, as it is now. `pid` and `memory_bytes` are 0 where no process is."""

    engine: str
    state: State
    url: str
    port: int
    pid: int
    memory_bytes: int
    log: str


Report = Callable[[str, Step], None]


class EngineFailed(Exception):
    """An engine does not start; the message says why."""


class KeptEngine:
    """Starts, watches and stops one engine. It touches no process that it did not start."""

    def __init__(self, engine: Engine, folder: Path, artefacts: Artefacts, report: Report) -> None:
        self.name = engine.name
        self._engine = engine
        self._home = folder / engine.name
        self._log = self._home / "engine.log"
        self._record = self._home / "process.json"
        self._artefacts = artefacts
        self._report = report

    def fetch(self) -> None:
        """Get its programs, unless they are there. Raises ProgramFailed, Missing."""
        self._report(self.name, Step.FETCHING)
        self._engine.install(self._artefacts)
        self._report(self.name, Step.FETCHED)

    def up(self, given_up: threading.Event) -> None:
        """Start it unless it runs, and wait until it is ready.

        Raises EngineFailed, ProgramFailed, Missing.
        """
        process = self._recorded()
        if process is None or not processes.is_running(process):
            process = self._start(process)
        elif process.ports != self._engine.ports:
            raise EngineFailed(f"It runs on port {process.ports[0]}: stop it there first")
        self._wait(process, given_up)

    def down(self, *, wipe: bool) -> None:
        """Stop it if it runs; `wipe` removes everything it has."""
        process = self._recorded()
        if process is not None:
            self._report(self.name, Step.STOPPING)
            processes.stop(process, self._engine.stop_signal, STOP_S)
            self._record.unlink()
        if wipe and self._home.exists():
            shutil.rmtree(self._home)
        self._report(self.name, Step.STOPPED)

    def status(self) -> EngineStatus:
        """How it is now."""
        process = self._recorded()
        state = self._state(process)
        runs = process is not None and state not in {State.STOPPED, State.CRASHED}
        return EngineStatus(
            engine=self.name,
            state=state,
            url=self._engine.url,
            port=(self._engine.ports if process is None else process.ports)[0],
            pid=process.pid if process and runs else 0,
            memory_bytes=processes.memory_bytes(process) if process and runs else 0,
            log=str(self._log),
        )

    def _state(self, process: Process | None) -> State:
        if process is None:
            return State.STOPPED
        if not processes.is_running(process):
            return State.CRASHED
        if process.ports != self._engine.ports:
            return State.ELSEWHERE
        return State.READY if self._is_ready() else State.STARTING

    def _start(self, crashed: Process | None) -> Process:
        self.fetch()
        if crashed is not None:
            processes.wait_for_leftovers(crashed)
        busy = taken(self._engine.ports)
        if busy:
            raise EngineFailed(
                f"Port {busy[0]} is in use by a process that was not started from {self._home}: "
                "stop that, or choose other ports with STARLING_CLUSTER_PORT"
            )
        self._report(self.name, Step.PREPARING)
        self._home.mkdir(parents=True, exist_ok=True)
        launch = self._engine.prepare(self._home, self._artefacts)
        self._report(self.name, Step.STARTING)
        process = processes.start(
            launch, ports=self._engine.ports, folder=self._home, log=self._log
        )
        self._write(process)
        return process

    def _wait(self, process: Process, given_up: threading.Event) -> None:
        until = time.monotonic() + READY_S
        while not self._is_ready():
            if not processes.is_running(process):
                raise EngineFailed(f"It ended while it started\n{tail(self._log)}")
            if time.monotonic() > until:
                processes.stop(process, self._engine.stop_signal, STOP_S)
                raise EngineFailed(f"It was not ready after {READY_S:.0f} s\n{tail(self._log)}")
            if given_up.wait(LOOK_EVERY_S):
                raise EngineFailed("Nobody waits for it any more")
        self._report(self.name, Step.READY)

    def _is_ready(self) -> bool:
        try:
            return self._engine.is_ready()
        except OSError:
            return False

    def _recorded(self) -> Process | None:
        with suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode(self._record.read_bytes(), type=Process)
        return None

    def _write(self, process: Process) -> None:
        unfinished = self._record.with_suffix(".new")
        unfinished.write_bytes(msgspec.json.encode(process))
        unfinished.replace(self._record)
