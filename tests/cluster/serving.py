"""A server of the cluster profile, whose workers run beside it in one process."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.blackbox.server import PROGRAM, Server, free_port, serving
from tests.cluster.local import LocalCluster

STOP_S: Final = 30.0


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
            yield server
            assert workers.poll() is None, log.read_text()
        finally:
            workers.send_signal(signal.SIGTERM)
            try:
                workers.wait(STOP_S)
            except subprocess.TimeoutExpired:
                workers.kill()
                workers.wait()
