"""A server of the cluster profile, whose workers run beside it in one process."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from tests.blackbox.client import Api
from tests.blackbox.server import PROGRAM, Server, free_port, serving
from tests.cluster.local import LocalCluster

STOP_S: Final = 30.0
TAKEN_S: Final = 90.0
LOOK_EVERY_S: Final = 0.5


@contextmanager
def on_engines(cluster: LocalCluster, folder: Path) -> Iterator[Server]:
    """A running server in a namespace of its own, until the end."""
    settings = {
        "STARLING_PROFILE": "cluster",
        "STARLING_CLUSTER_PORT": str(cluster.base_port),
        "STARLING_NAMESPACE": f"b{os.getpid()}x{free_port()}",
        "STARLING_PARTITIONS": "4",
        "STARLING_LOG_LEVEL": "warning",
    }
    with serving(folder / "data", **settings) as server:
        log = folder / "workers.log"
        with log.open("wb") as output:
            workers = subprocess.Popen(
                (PROGRAM, "worker", "all"),
                env=server.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_taken(server)
            yield server
            assert workers.poll() is None, log.read_text()
        finally:
            workers.send_signal(signal.SIGTERM)
            try:
                workers.wait(STOP_S)
            except subprocess.TimeoutExpired:
                workers.kill()
                workers.wait()


def _wait_until_taken(server: Server) -> None:
    """Return once the workers have their partitions and every projection has the first events."""
    with httpx.Client(base_url=server.url, timeout=30) as http:
        Api(http).person().tweet("The first words")
    pause, behind = threading.Event(), list[str]()
    for _ in range(int(TAKEN_S / LOOK_EVERY_S)):
        shown = server.command("projections", "--json")
        assert shown.returncode == 0, shown.stderr
        behind = [one["name"] for one in json.loads(shown.stdout) if one["lag_events"]]
        if not behind:
            return
        pause.wait(LOOK_EVERY_S)
    raise AssertionError(f"These are behind: {behind}")
