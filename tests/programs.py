"""The `starling` program as its own process, on a folder and a port of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import httpx

STARLING: Final = (sys.executable, "-c", "from infra.cli import main; main()")
READY_S: Final = 30.0


def environment_of(folder: Path, **settings: str) -> Mapping[str, str]:
    """Where the folder is served, with what differs from the defaults of tests."""
    told = {"data": str(folder), "sample": "0", "argon2_cost": "lowest", "rate_limits": "off"}
    named = {f"STARLING_{name.upper()}": value for name, value in (told | settings).items()}
    return {**os.environ, **named, "PYTHONUNBUFFERED": "1"}  # noqa: TID251


def starling(folder: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """Start the program; what it prints can be read from its stdout."""
    return subprocess.Popen(
        (*STARLING, *arguments),
        env=environment_of(folder, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@contextmanager
def serving(folder: Path, port: int, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    """A server that accepts requests; killed at the end if it still runs."""
    server = starling(folder, "serve", bind=f"127.0.0.1:{port}", **settings)
    try:
        line_with(out_of(server), "Starling is at")
        yield server
    finally:
        server.kill()
        server.wait()
        out_of(server).close()


def out_of(program: "subprocess.Popen[str]") -> IO[str]:
    """What the program prints."""
    assert program.stdout is not None
    return program.stdout


def line_with(out: IO[str], part: str) -> str:
    """The next line that has this in it; what comes before is read and dropped."""
    for line in out:
        if part in line:
            return line
    raise AssertionError(f"The program ended without a line with {part!r}")


def get(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=READY_S)
