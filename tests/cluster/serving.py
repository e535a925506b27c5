"""A server of the cluster profile, whose workers run beside it in one process."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx

from tests.blackbox.server import PROGRAM, Server, started
from tests.cluster.local import LocalCluster, own_namespace, own_port

STOP_S: Final = 30.0
READY_S: Final = 240.0
LOOK_EVERY_S: Final = 0.2
ANSWER_S: Final = 5.0


@contextmanager
def on_engines(cluster: LocalCluster, folder: Path) -> Iterator[Server]:
    """A running server in a namespace of its own, until the end."""
    with with_workers(server_on(cluster, folder)) as server:
        yield server


def server_on(cluster: LocalCluster, folder: Path) -> Server:
    """A server in a namespace of its own, which nobody has started yet."""
    settings = {
        "STARLING_PROFILE": "cluster",
        "STARLING_CLUSTER_PORT": str(cluster.base_port),
        "STARLING_NAMESPACE": own_namespace("b"),
        "STARLING_PARTITIONS": "4",
        "STARLING_LOG_LEVEL": "warning",
    }
    return Server(folder / "data", **settings)


@contextmanager
def with_workers(server: Server) -> Iterator[Server]:
    """It runs, and so do all workers, until the end."""
    with started(server):
        log, address = server.folder.with_name("workers.log"), f"127.0.0.1:{own_port()}"
        with log.open("wb") as output:
            workers = subprocess.Popen(
                (PROGRAM, "worker", "all"),
                env={**server.environ, "STARLING_WORKER_BIND": address},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_at_work(f"http://{address}/readyz")
            yield server
            assert workers.poll() is None, log.read_text()
        finally:
            workers.send_signal(signal.SIGTERM)
            try:
                workers.wait(STOP_S)
            except subprocess.TimeoutExpired:
                workers.kill()
                workers.wait()


def _wait_until_at_work(readyz: str) -> None:
    """Return once every projection has a worker that has its partitions and begins to read."""
    pause, told = threading.Event(), "nothing"
    for _ in range(int(READY_S / LOOK_EVERY_S)):
        with suppress(httpx.TransportError):
            answer = httpx.get(readyz, timeout=ANSWER_S)
            if answer.status_code == 200:
                return
            told = answer.text
        pause.wait(LOOK_EVERY_S)
    raise AssertionError(f"The workers are not ready: {told}")
