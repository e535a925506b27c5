"""The program as a process of its own: started on a free port, watched from outside, stopped."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from tests.cluster.local import own_port

# On engines it makes its tables first.
READY_S: Final = 180.0
POLL_S: Final = 0.05
# What has to end or to answer does so in a second or two; a busy machine multiplies that.
STOP_S: Final = 60.0
COMMAND_S: Final = 300.0
PROGRAM: Final = str(Path(sys.executable).with_name("starling"))


class Server:
    """One data folder and the process that serves it, which may be stopped and started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.log = folder.with_name(f"{folder.name}.log")
        self._port = own_port()
        self._settings = {
            "STARLING_DATA": str(folder),
            "STARLING_BIND": f"127.0.0.1:{self._port}",
            "STARLING_SAMPLE": "0",
            "STARLING_RATE_LIMITS": "off",
            "STARLING_ARGON2_COST": "lowest",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environ(self) -> Mapping[str, str]:
        """What a command line on the same folder is started with."""
        kept = {name: v for name, v in os.environ.items() if not name.startswith("STARLING_")}  # noqa: TID251 - handed on to the program
        return kept | self._settings

    def start(self) -> None:
        """Return once it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "serve"],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        pause = threading.Event()
        for _ in range(int(READY_S / POLL_S)):
            if self._process.poll() is not None:
                break
            if self._is_ready():
                return
            pause.wait(POLL_S)
        raise AssertionError(f"The server did not become ready: {self.log.read_text()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait for its end. The exit status."""
        assert self._process is not None
        self._process.send_signal(how)
        try:
            return self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_S)
            raise
        finally:
            self._process = None

    def command(
        self, *arguments: str, given: str = "", timeout_s: float = COMMAND_S
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line on the same folder."""
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self.environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    @contextmanager
    def begun(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """A command line that runs, and does not any more behind the context."""
        with subprocess.Popen(
            [PROGRAM, *arguments],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            try:
                yield running
            finally:
                running.kill()

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def running(self) -> bool:
        return self._process is not None


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """A running server, until the end."""
    with started(Server(folder, **settings)) as server:
        yield server


@contextmanager
def started(server: Server) -> Iterator[Server]:
    """It runs, until the end."""
    server.start()
    try:
        yield server
    finally:
        if server.running:
            server.stop()
