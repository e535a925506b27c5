"""Where bursts come: a server of either profile, with nobody in it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.process import Server, serving, started
from tests.blackbox.server import PROGRAM
from tests.cluster import local


class Place(NamedTuple):
    """A profile that serves; `workers` is their process, if it is another one."""

    profile: str
    server: Server
    workers: int | None

    def worker_bytes(self) -> int:
        """Of memory, now."""
        if self.workers is None:
            return 0
        pages = int(Path(f"/proc/{self.workers}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Place]:
    """A server with an empty folder."""
    async with serving(folder) as server:
        yield Place("embedded", server, None)


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Place]:
    """A server and all workers on the engines of this machine."""
    environ = {
        **os.environ,
        "STARLING_PROFILE": "cluster",
        "STARLING_CLUSTER_PORT": str(local.shared().base_port),
        "STARLING_NAMESPACE": f"burst{os.getpid()}",
        "STARLING_PARTITIONS": "8",
        "STARLING_RATE_LIMITS": "off",
        "STARLING_ARGON2_COST": "lowest",
        "STARLING_LOG_LEVEL": "error",
    }
    settings = {**environ, "STARLING_DATA": str(folder / "serve")}
    async with started("tests.bench.cluster_serving", settings) as server:
        worker = await asyncio.create_subprocess_exec(
            PROGRAM, "worker", "all", env={**environ, "STARLING_DATA": str(folder / "worker")}
        )
        try:
            yield Place("cluster", server, worker.pid)
        finally:
            worker.terminate()
            await worker.wait()
