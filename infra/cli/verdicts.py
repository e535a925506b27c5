"""What a proof came to, for people and for programs."""

import sys
import time
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import typer

from streams.answers.proof import Step, Verdict

LINE_EVERY_S: Final = 3.0
TOLD_MAX: Final = 20

Outcome = Literal["equal", "different", "unknown"]
# How a view was mended: its events were applied again, or a new generation was built and answers.
Way = Literal["none", "applied", "replayed"]


class TellDifference(msgspec.Struct, frozen=True):
    """A part of a key's answer, by the view and by the log, shortened."""

    key: str
    part: str
    view: str
    log: str


class Shard(msgspec.Struct, frozen=True):
    """The digests of a sixteenth of the keys."""

    view: str
    log: str


class Repair(msgspec.Struct, frozen=True):
    """What was found and done about it; so many events were `applied` again. `generation` is the
    one that answers now."""

    way: Way
    different: int
    differences: tuple[TellDifference, ...]
    applied: int
    generation: int | None


class Verified(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of verifying a projection; `outcome` is "unknown" where it could not be told. With
    a repair it is what was told after it."""

    projection: str
    outcome: Outcome
    keys: int
    position: int
    seconds: float
    view: str
    log: str
    shards: tuple[Shard, ...]
    different: int
    differences: tuple[TellDifference, ...]
    undecided: tuple[str, ...]
    set_aside: int
    error: str | None
    repair: Repair | msgspec.UnsetType = msgspec.UNSET


def verified(verdict: Verdict, seconds: float) -> Verified:
    """A verdict that took so long."""
    outcome: Outcome = "equal"
    if verdict.different:
        outcome = "different"
    elif not verdict.is_sound:
        outcome = "unknown"
    pairs = zip(verdict.view.shards, verdict.log.shards, strict=True)
    return Verified(
        projection=verdict.projection,
        outcome=outcome,
        keys=verdict.keys,
        position=sum(verdict.positions.values()),
        seconds=round(seconds, 3),
        view=verdict.view.whole,
        log=verdict.log.whole,
        shards=tuple(Shard(*pair) for pair in pairs),
        different=verdict.different,
        differences=differences(verdict),
        undecided=tuple(verdict.undecided),
        set_aside=verdict.set_aside,
        error=verdict.error,
    )


def differences(verdict: Verdict) -> tuple[TellDifference, ...]:
    """Those that are named."""
    return tuple(TellDifference(*one) for one in verdict.differences)


def words(told: Verified) -> str:
    """For people; several lines where something is not equal."""
    if told.error is not None:
        return f"{told.projection}: could not tell: {told.error}"
    asked = f"{told.keys:,} keys at {told.position:,} events, {told.seconds:,.1f} s"
    lines = [f"{told.projection}: equal: {asked}, digest {told.view}"]
    if told.outcome == "unknown":
        lines = [f"{told.projection}: could not tell: {asked}"]
    if told.different:
        wrong = sum(shard.view != shard.log for shard in told.shards)
        lines = [
            f"{told.projection}: DIFFERENT: {told.different:,} of {asked}; "
            f"{wrong} of {len(told.shards)} shards",
            *lines_of(told.differences),
        ]
    if told.undecided:
        some = ", ".join(told.undecided[:TOLD_MAX])
        lines.append(f"  changed whenever they were asked: {len(told.undecided):,}: {some}")
    if told.set_aside:
        lines.append(
            f"  left out, as they cannot be applied: {told.set_aside:,} (starling dead-letters)"
        )
    return "\n".join(lines)


def lines_of(found: Sequence[TellDifference]) -> list[str]:
    """A line for each of the first ones."""
    lines = [f"  {one.key} {one.part}: view {one.view}, log {one.log}" for one in found[:TOLD_MAX]]
    if len(found) > TOLD_MAX:
        lines.append(f"  and {len(found) - TOLD_MAX:,} more: --json names them")
    return lines


class Lines:
    """Progress on standard error: a line that is written over on a terminal, else one from time
    to time."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._line_at = time.monotonic()

    def clear(self) -> None:
        """Leave no half line."""
        if self._terminal:
            typer.echo("\r\x1b[K", err=True, nl=False)

    def show(self, name: str, step: Step) -> None:
        """How far a proof is."""
        now = time.monotonic()
        if now - self._line_at < (0.1 if self._terminal else LINE_EVERY_S):
            return
        self._line_at = now
        what = "events read" if step.doing == "reading" else "keys asked"
        told = f"{name}: {step.done:,} of {step.total:,} {what}"
        typer.echo(f"\r\x1b[K{told}" if self._terminal else told, err=True, nl=not self._terminal)
