"""Killing a replay in the middle, and how far it was."""

import signal
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

from infra.folder import projection_file
from tests.blackbox.server import PROGRAM, Server


def kill_in_the_middle(server: Server, name: str, *arguments: str, kills: int) -> int:
    """Begin to replay so many times, each time until it has moved on; where it was in the end."""
    path, reached = projection_file(server.folder, name, 1, 2), 0
    for _ in range(kills):
        killed = subprocess.Popen(
            [PROGRAM, "replay", name, *arguments],
            env=server.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        reached = wait_beyond(path, reached)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    return reached


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
