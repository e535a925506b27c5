"""Killing a replay in the middle, and how far it was."""

import random
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

from infra.folder import projection_file
from streams.registry import BY_NAME
from tests.blackbox.server import PROGRAM, Server


def kill_in_the_middle(
    server: Server, name: str, *arguments: str, kills: int, within_s: float = 0.0
) -> int:
    """Begin to replay so many times, each time until it has moved on and up to so much longer, by
    chance and the same in every run; where it was in the end. None of them swaps: one that comes to
    its end before it is killed is gone on with too."""
    path, reached = second_of(server, name), 0
    chance, pause = random.Random(name), threading.Event()
    for _ in range(kills):
        killed = subprocess.Popen(
            [PROGRAM, "replay", name, "--no-swap", *arguments],
            env=server.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        reached = wait_beyond(path, reached)
        pause.wait(chance.uniform(0, within_s))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    return reached


def second_of(server: Server, name: str) -> Path:
    """The file of a projection's second generation."""
    return projection_file(server.folder, name, BY_NAME[name].version, 2)


def wait_beyond(path: Path, position: int) -> int:
    """The checkpoint in a file, once it has moved on."""
    pause = threading.Event()
    for _ in range(3_000):
        if path.exists():
            with closing(sqlite3.connect(path)) as file:
                try:
                    row = file.execute("SELECT position FROM checkpoints").fetchone()
                except sqlite3.OperationalError:
                    row = None
            if row is not None and row[0] > position:
                return int(row[0])
        pause.wait(0.02)
    raise AssertionError("The replay does not move on")


def head_of(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "log.db")) as log:
        return int(log.execute("SELECT MAX(rowid) FROM stored_events").fetchone()[0])
