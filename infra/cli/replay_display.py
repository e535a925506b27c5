"""How far a replay is, on standard error."""

import sys
import time
from typing import Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from streams.rebuild import Rebuilt

LINE_EVERY_S: Final = 3.0


class ReplayDisplay:
    """A bar with rate and time left on a terminal, plain lines elsewhere; on standard error."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._terminal = sys.stderr.isatty()
        self._line_at = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[pace]}"),
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task(name, total=None, pace="")

    def show(self, rebuilt: Rebuilt) -> None:
        """How far it is."""
        pace = f"{rebuilt.per_s:,.0f} events/s, {rebuilt.left_s:,.0f} s left"
        self._bar.update(self._task, completed=rebuilt.done, total=rebuilt.total, pace=pace)
        if not self._terminal and time.monotonic() - self._line_at >= LINE_EVERY_S:
            self._line_at = time.monotonic()
            done = f"{rebuilt.done:,} of {rebuilt.total:,} events"
            typer.echo(f"{self._name}: {done}, {pace}", err=True)

    def __enter__(self) -> "ReplayDisplay":
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()
