"""Shows a person how far an import is: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from infra.importing.tally import Progress, Summary

LINE_EVERY_S: Final = 3.0


class ProgressDisplay:
    """Give `report` to an import; use within a `with`."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._line_at = clock()
        self._phase = ""
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[pace]}"),
            console=Console(file=stream),
            transient=True,
            disable=not stream.isatty(),
        )
        self._task = self._bar.add_task("", total=None, pace="")

    def report(self, progress: Progress) -> None:
        """Show it; without a terminal only every few seconds and when something else begins."""
        if self._stream.isatty():
            self._bar.update(
                self._task,
                description=progress.phase,
                completed=progress.lines,
                total=progress.lines_total or None,
                pace=_pace(progress),
            )
        elif progress.phase != self._phase or self._clock() - self._line_at >= LINE_EVERY_S:
            self._phase = progress.phase
            self._line_at = self._clock()
            self._stream.write(_line(progress))
            self._stream.flush()

    def refresh(self) -> None:
        """Draw the bar now; it draws itself ten times a second."""
        self._bar.refresh()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()


def told(summary: Summary) -> str:
    """What an import did, in one line, and where its rejects are."""
    line = (
        f"{summary.accounts:,} accounts, {summary.posts:,} posts, {summary.follows:,} follows: "
        f"{summary.events:,} events in {summary.elapsed_s:,.1f} s "
        f"({summary.events_per_s:,.0f} events/s); {summary.known:,} were there already"
    )
    if summary.skipped:
        line += f", {summary.skipped:,} skipped"
    if summary.rejected:
        line += f", {summary.rejected:,} rejected: {', '.join(summary.rejects)}"
    return line


def _line(progress: Progress) -> str:
    if not progress.lines_total:
        return f"{progress.phase}\n"
    share = 100 * progress.lines // progress.lines_total
    return f"{progress.phase}: {share} %, {_pace(progress)}\n"


def _pace(progress: Progress) -> str:
    remaining = progress.remaining_s
    ahead = "" if remaining is None else f", {remaining:,.0f} s to go"
    return f"{progress.events:,} events, {progress.events_per_s:,.0f}/s{ahead}"
