"""How far a replay is, on standard error."""

import sys
import time
from math import isfinite
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from streams.rebuild import Rebuilt

LINE_EVERY_S: Final = 3.0
PAUSED: Final = "paused; `starling projections resume {}` goes on"
GOES_ON: Final = "goes on"


class ReplayDisplay:
    """A bar with rate and time left on a terminal, plain lines elsewhere; on standard error."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._terminal = sys.stderr.isatty()
        self._line_at = time.monotonic()
        self._paused = False
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[pace]}"),
            console=Console(stderr=True, soft_wrap=True),
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task(name, total=None, pace="")

    def show(self, rebuilt: Rebuilt) -> None:
        """How far it is."""
        left = f"{rebuilt.left_s:,.0f} s left" if isfinite(rebuilt.left_s) else "..."
        pace = "paused" if rebuilt.paused else f"{rebuilt.per_s:,.0f} events/s, {left}"
        self._bar.update(self._task, completed=rebuilt.done, total=rebuilt.total, pace=pace)
        done = f"{rebuilt.done:,} of {rebuilt.total:,} events"
        if rebuilt.paused != self._paused:
            self._paused = rebuilt.paused
            self.leave(f"{PAUSED.format(self._name)} ({done})" if rebuilt.paused else GOES_ON)
        elif (
            not (self._terminal or rebuilt.paused)
            and time.monotonic() - self._line_at >= LINE_EVERY_S
        ):
            self._line_at = time.monotonic()
            self.leave(f"{done}, {pace}")

    def leave(self, told: str) -> None:
        """A line that stays."""
        self._bar.console.print(f"{self._name}: {told}", markup=False, highlight=False)

    def __enter__(self) -> "ReplayDisplay":
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()
