"""How far an import is, and what came of it."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

# Not after every batch: who shows it needs no more.
REPORT_EVERY_S: Final = 0.1


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """A moment of an import; `lines` of `lines_total` in all its files, times in seconds."""

    phase: str
    lines: int
    lines_total: int
    events: int
    elapsed_s: float

    @property
    def events_per_s(self) -> float:
        """Events recorded per second so far."""
        return self.events / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def remaining_s(self) -> float | None:
        """At the pace so far; None while there is none."""
        if not self.lines:
            return None
        return self.elapsed_s / self.lines * (self.lines_total - self.lines)


class Summary(msgspec.Struct, kw_only=True):
    """What an import did. `known` was there from an earlier one; `rejects` are files."""

    accounts: int = 0
    posts: int = 0
    follows: int = 0
    known: int = 0
    skipped: int = 0
    rejected: int = 0
    events: int = 0
    elapsed_s: float = 0.0
    rejects: list[str] = msgspec.field(default_factory=list)

    @property
    def events_per_s(self) -> float:
        """Events recorded per second."""
        return self.events / self.elapsed_s if self.elapsed_s else 0.0


Report = Callable[[Progress], None]


class Tally:
    """Counts for a summary, and reports of how far it is."""

    def __init__(self, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self.summary = Summary()
        self.lines_total = 0
        self._report = report
        self._clock = clock
        self._began = clock()
        self._lines = 0
        self._phase = ""
        self._reported_at = -REPORT_EVERY_S

    def begin(self, phase: str) -> None:
        """Something else is done from now on; said at once."""
        self._phase = phase
        self._say()

    def read(self, lines: int) -> None:
        """So many more lines need no second look."""
        self._lines += lines
        if self._elapsed() - self._reported_at >= REPORT_EVERY_S:
            self._say()

    def end(self) -> Summary:
        """The summary, after a last report."""
        self.summary.elapsed_s = round(self._elapsed(), 3)
        self._lines = self.lines_total
        self._say()
        return self.summary

    def _elapsed(self) -> float:
        return self._clock() - self._began

    def _say(self) -> None:
        self._reported_at = self._elapsed()
        self._report(
            Progress(
                phase=self._phase,
                lines=min(self._lines, self.lines_total),
                lines_total=self.lines_total,
                events=self.summary.events,
                elapsed_s=round(self._reported_at, 3),
            )
        )
