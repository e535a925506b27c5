"""An installation of Starling on the engines: several programs, each a process of its own."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import httpx

from infra.settings import Settings
from tests.blackbox.client import Api, expect
from tests.blackbox.server import PROGRAM
from tests.cluster.local import LocalCluster, own_namespace, own_port

READY_S: Final = 600.0
POLL_S: Final = 0.1
# A read may wait for ten seconds, on a machine that lets a process stand still for as long.
ANSWER_S: Final = 120.0
# Between them they use what most workers fill.
READ_FIRST: Final = (
    "/v1/accounts/me",
    "/v1/timelines/home",
    "/v1/notifications",
    "/v1/search/posts?q=nothing",
)
STOP_S: Final = 180.0


class Program:
    """One process: `starling` with these arguments, which may be stopped and started again."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, environ: Mapping[str, str]
    ):
        self.name = name
        self.log = folder / f"{name}.log"
        self.folder = folder / name
        self._arguments = tuple(arguments)
        self.environ = {**environ, "STARLING_DATA": str(self.folder)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def launch(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, *self._arguments],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def require_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {self.log.read_text()[-4_000:]}")

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait for its end. The exit status."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(how)
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
            raise

    @property
    def launched(self) -> bool:
        return self._process is not None


class HttpProgram(Program):
    """A program that serves HTTP."""

    def __init__(self, name: str, part: str, folder: Path, environ: Mapping[str, str]) -> None:
        port = own_port()
        self.url = f"http://127.0.0.1:{port}"
        bound = {**environ, "STARLING_BIND": f"127.0.0.1:{port}"}
        super().__init__(name, ("serve", part), folder, bound)

    @property
    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


class _Split(httpx.BaseTransport):
    """Reads go to one process, commands to another."""

    def __init__(self, reads: HttpProgram, commands: HttpProgram) -> None:
        self._reads, self._commands = httpx.URL(reads.url), httpx.URL(commands.url)
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        found = self._reads if request.method == "GET" else self._commands
        request.url = request.url.copy_with(port=found.port)
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()


class Installation:
    """A namespace on the engines, two processes for commands, one for reads, and the workers."""

    def __init__(
        self, cluster: LocalCluster, folder: Path, workers: Mapping[str, Sequence[str]], **more: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: v for name, v in os.environ.items() if not name.startswith("STARLING_")}  # noqa: TID251 - handed on to the programs
        self.environ = {
            **kept,
            "STARLING_PROFILE": "cluster",
            "STARLING_CLUSTER_PORT": str(cluster.base_port),
            "STARLING_NAMESPACE": own_namespace("t"),
            "STARLING_PARTITIONS": "4",
            "STARLING_SAMPLE": "0",
            "STARLING_RATE_LIMITS": "off",
            "STARLING_ARGON2_COST": "lowest",
            **more,
        }
        self.settings = Settings(
            cluster_port=str(cluster.base_port),
            namespace=self.environ["STARLING_NAMESPACE"],
            partitions=self.environ["STARLING_PARTITIONS"],
        )
        self.all_commands = [
            HttpProgram(name, "commands", folder, self.environ) for name in ("commands", "others")
        ]
        self.commands = self.all_commands[0]
        self.reads = HttpProgram("reads", "reads", folder, self.environ)
        self.workers = {
            name: Program(name, ("worker", *names), folder, self.environ)
            for name, names in workers.items()
        }

    @property
    def programs(self) -> Sequence[Program]:
        return (*self.all_commands, self.reads, *self.workers.values())

    @property
    def served(self) -> Sequence[HttpProgram]:
        return (*self.all_commands, self.reads)

    def start(self) -> None:
        """Return once all serving processes are ready and the workers take what comes."""
        for program in self.programs:
            program.launch()
        for served in self.served:
            self.wait_until_ready(served)
        self._wait_for_workers()

    def join(self, name: str, *names: str) -> Program:
        """One more process of workers."""
        folder = self.reads.folder.parent
        joined = Program(name, ("worker", *names), folder, self.environ)
        self.workers[name] = joined
        joined.launch()
        return joined

    def require_alive(self) -> None:
        """No program has ended that nobody stopped."""
        for program in self.programs:
            if program.launched:
                program.require_alive()

    def told(self, *words: str) -> list[str]:
        """The lines of all logs that say one of these."""
        lines = (line for one in self.programs for line in one.log.read_text().splitlines())
        return [line for line in lines if any(said in line for said in words)]

    def http(self) -> httpx.Client:
        """A client that reads where it is read and commands where it is commanded."""
        return httpx.Client(
            base_url=self.reads.url, timeout=ANSWER_S, transport=_Split(self.reads, self.commands)
        )

    def wait_until_ready(self, served: HttpProgram) -> None:
        pause = threading.Event()
        for _ in range(int(READY_S / POLL_S)):
            self.require_alive()
            if served.is_ready:
                return
            pause.wait(POLL_S)
        raise AssertionError(f"{served.name} is not ready: {served.log.read_text()[-4_000:]}")

    def _wait_for_workers(self) -> None:
        """A group takes seconds to form: a new account must be everywhere."""
        until = monotonic() + READY_S
        with self.http() as http:
            somebody = Api(http).person()
            for path in READ_FIRST:
                while (answer := somebody.get(path)).status_code == 503:
                    assert monotonic() < until, answer.text
                expect(answer, 200)

    def stop(self) -> None:
        for program in self.programs:
            if program.launched:
                program.stop(signal.SIGKILL)


@contextmanager
def installed(
    cluster: LocalCluster, folder: Path, workers: Mapping[str, Sequence[str]], **more: str
) -> Iterator[Installation]:
    """A running installation, until the end."""
    installation = Installation(cluster, folder, workers, **more)
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()
