"""The measured server as a process: started, watched from outside, stopped."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.bench.load import Address
from tests.bench.world import settings_of

START_S: Final = 60.0
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class Process:
    """A running process; `cpu_s` is what it has used so far, all threads, or None where the system
    does not tell."""

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")

    @property
    def cpu_s(self) -> float | None:
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


class Server(Process):
    """A running server."""

    def __init__(self, address: Address, pid: int) -> None:
        super().__init__(pid)
        self.address = address


@asynccontextmanager
async def serving(folder: Path, module: str = "tests.bench.serving") -> AsyncIterator[Server]:
    """The server of a folder, until the end; raises if it did not stop in order."""
    async with started(module, os.environ | settings_of(folder)) as server:
        yield server


@asynccontextmanager
async def started(module: str, settings: Mapping[str, str]) -> AsyncIterator[Server]:
    """A module that serves with these settings, on a free port."""
    address = ("127.0.0.1", _free_port())
    environ = {**settings, "STARLING_BIND": f"{address[0]}:{address[1]}"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, env=environ)
    try:
        await _accepts(address, process)
        yield Server(address, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        status = await process.wait()
    if status not in {0, -signal.SIGTERM}:
        raise RuntimeError(f"The server ended with {status}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _accepts(address: Address, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection(*address)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
    raise RuntimeError("The server did not start")
