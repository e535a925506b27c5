"""Shows a person how far each engine is: a line of its own on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table

from infra.cluster.kept import EngineStatus, State, Step

DONE: Final = {Step.FETCHED, Step.READY, Step.FAILED, Step.STOPPED}
COLOURS: Final = {
    State.READY: "green",
    State.STARTING: "yellow",
    State.ELSEWHERE: "yellow",
    State.CRASHED: "red",
    State.STOPPED: "dim",
}
WIDTH_CHARS: Final = 120


class StepDisplay:
    """Give `report` to a cluster; use within a `with`. Engines report from threads of their own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._since = time.monotonic()
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<14}"),
            TextColumn("{task.fields[step]}"),
            console=Console(file=stream),
            disable=not stream.isatty(),
        )

    def report(self, engine: str, step: Step) -> None:
        """Show that the engine is at this step now."""
        told = f"{step}, {time.monotonic() - self._since:.1f} s" if step in DONE else str(step)
        if not self._stream.isatty():
            self._stream.write(f"{engine}: {told}\n")
            self._stream.flush()
            return
        if engine not in self._tasks:
            self._tasks[engine] = self._progress.add_task(engine, total=1, step="")
        self._progress.update(self._tasks[engine], step=told, completed=int(step in DONE))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


def print_status(statuses: list[EngineStatus], stream: TextIO) -> None:
    """A table of the engines."""
    table = Table("engine", "state", "address")
    for name in ("pid", "memory"):
        table.add_column(name, justify="right")
    for one in statuses:
        table.add_row(
            one.engine,
            f"[{COLOURS[one.state]}]{one.state}[/]",
            one.url,
            str(one.pid or ""),
            f"{one.memory_bytes / 1e6:,.0f} MB" if one.memory_bytes else "",
        )
    width = None if stream.isatty() else WIDTH_CHARS
    Console(file=stream, width=width).print(table)
