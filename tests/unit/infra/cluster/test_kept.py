"""How one engine is started, watched and stopped, on a small program instead of an engine."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from infra.cluster import kept, sockets
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import Launch
from infra.cluster.kept import EngineFailed, KeptEngine, State, Step
from infra.cluster.sockets import HOST, ask, receive

ANSWERING = """
    import socket, sys
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        while True:
            server.accept()[0].sendall(b"y")
"""
FAILING = "print('I cannot'); raise SystemExit(3)"
SILENT = "import time; time.sleep(60)"


class Parrot:
    """An engine that says yes."""

    name = "parrot"
    stop_signal = signal.SIGTERM

    def __init__(self, port: int, program: str = ANSWERING) -> None:
        self.ports = (port,)
        self.url = f"parrot://{HOST}:{port}"
        self.program = dedent(program)

    def install(self, artefacts: Artefacts) -> None:
        pass

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        return Launch((sys.executable, "-c", self.program, str(self.ports[0])))

    def is_ready(self) -> bool:
        with ask(self.ports[0]) as connection:
            return receive(connection, 1) == b"y"


class Parrots:
    """The engine's folder, and what was reported of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[Step] = []
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])

    def kept(self, program: str = ANSWERING, port: int | None = None) -> KeptEngine:
        """As another run of the program would find it."""
        return KeptEngine(
            Parrot(port or self.port, program),
            self.folder,
            Artefacts(self.folder / "cache"),
            lambda _, step: self.steps.append(step),
        )

    def up(self, program: str = ANSWERING) -> None:
        self.kept(program).up(threading.Event())

    def pid(self) -> int:
        return self.kept().status().pid


@pytest.fixture
def parrots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parrots]:
    # On a busy machine a parrot is long in answering, which makes it no less ready.
    monkeypatch.setattr(sockets, "ANSWER_S", 60.0)
    parrots = Parrots(tmp_path)
    yield parrots
    parrots.kept().down(wipe=True)


def test_it_is_ready_once_it_answers(parrots: Parrots) -> None:
    assert parrots.kept().status().state is State.STOPPED

    parrots.up()

    assert parrots.kept().status().state is State.READY
    fetched = [Step.FETCHING, Step.FETCHED]
    assert parrots.steps == [*fetched, Step.PREPARING, Step.STARTING, Step.READY]


def test_starting_what_runs_changes_nothing(parrots: Parrots) -> None:
    parrots.up()
    pid = parrots.pid()

    parrots.up()

    assert parrots.pid() == pid


def test_what_crashed_is_started_again(parrots: Parrots) -> None:
    parrots.up()
    crashed = parrots.pid()
    os.kill(crashed, signal.SIGKILL)
    os.waitpid(crashed, 0)
    assert parrots.kept().status().state is State.CRASHED

    parrots.up()

    assert parrots.kept().status().state is State.READY
    assert parrots.pid() != crashed


def test_what_an_interrupted_run_started_is_taken_up(parrots: Parrots) -> None:
    interrupted = threading.Event()
    interrupted.set()
    with pytest.raises(EngineFailed, match="Nobody waits"):
        parrots.kept(SILENT).up(interrupted)
    pid = parrots.pid()
    assert parrots.kept().status().state is State.STARTING

    with pytest.raises(EngineFailed, match="Nobody waits"):
        parrots.kept(SILENT).up(interrupted)

    assert parrots.pid() == pid


def test_a_port_in_use_is_refused_and_its_owner_left_alone(parrots: Parrots) -> None:
    with socket.create_server((HOST, parrots.port)):
        with pytest.raises(EngineFailed, match=f"Port {parrots.port} is in use"):
            parrots.up()

        assert parrots.kept().status().state is State.STOPPED


def test_an_end_while_it_starts_is_told_with_its_last_words(parrots: Parrots) -> None:
    with pytest.raises(EngineFailed, match="I cannot"):
        parrots.up(FAILING)


def test_what_does_not_become_ready_is_stopped(
    parrots: Parrots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "READY_S", 0.1)

    with pytest.raises(EngineFailed, match="not ready"):
        parrots.up(SILENT)

    assert parrots.kept().status().state is State.CRASHED


def test_what_runs_on_other_ports_is_said_so(parrots: Parrots) -> None:
    parrots.up()
    elsewhere = parrots.kept(port=parrots.port + 1)

    assert elsewhere.status().state is State.ELSEWHERE
    assert elsewhere.status().port == parrots.port
    with pytest.raises(EngineFailed, match=f"runs on port {parrots.port}"):
        elsewhere.up(threading.Event())


def test_stopping_keeps_the_data_and_wiping_removes_it(parrots: Parrots, tmp_path: Path) -> None:
    parrots.up()
    (tmp_path / "parrot" / "words").write_text("hello")

    parrots.kept().down(wipe=False)
    assert (tmp_path / "parrot" / "words").exists()
    parrots.kept().down(wipe=True)

    assert not (tmp_path / "parrot").exists()
    assert parrots.kept().status().state is State.STOPPED


def test_a_record_that_cannot_be_read_is_no_process(parrots: Parrots, tmp_path: Path) -> None:
    (tmp_path / "parrot").mkdir()
    (tmp_path / "parrot" / "process.json").write_text('{"pid": 1, "star')

    assert parrots.kept().status().state is State.STOPPED
