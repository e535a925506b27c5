"""`starling verify`: prove that a projection's view equals the log."""

import asyncio
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Annotated, Final, Literal, NoReturn

import msgspec
import typer

from infra.cli.settings import load_or_exit
from infra.settings import Settings
from projections.projection import Projection
from streams.answers.proof import Step, Verdict
from streams.registry import PROJECTIONS

LOG_FILE: Final = "log.db"
LINE_EVERY_S: Final = 3.0
DIFFERENT: Final = 1
COULD_NOT_TELL: Final = 2
TOLD_MAX: Final = 20
_BY_NAME: Final = {projection.name: projection for projection in PROJECTIONS}

Outcome = Literal["equal", "different", "unknown"]


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


class Verified(msgspec.Struct, frozen=True):
    """What came of verifying a projection; `outcome` is "unknown" where it could not be told."""

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


def verify(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which projection")] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every projection")] = False,
    sample: Annotated[
        int | None,
        typer.Option(
            help="So many keys of each kind; 0: all (the default, but 200 home timelines)", min=0
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Prove that a projection's view equals the log: exit status 0 if it does, 1 if it differs, 2
    if that could not be told. The temporary files are about as large as the view (TMPDIR)."""
    if (name is None) != all_of_them:
        raise typer.BadParameter("Name a projection, or say --all")
    settings = load_or_exit()
    if settings.profile == "embedded" and not (settings.data_path / LOG_FILE).is_file():
        _give_up(f"There is no log in {settings.data_path}")
    if name is not None and name not in _BY_NAME:
        _give_up(f"There is no projection {name}: {', '.join(_BY_NAME)}")
    projections = PROJECTIONS if name is None else (_BY_NAME[name],)
    try:
        outcomes = asyncio.run(_verify(settings, projections, sample, as_json=as_json))
    except typer.Exit:
        raise
    except Exception as error:
        # Python's own exit status for a fault would say that the view is different.
        traceback.print_exc()
        raise typer.Exit(COULD_NOT_TELL) from error
    raise typer.Exit(_status(outcomes))


async def _verify(
    settings: Settings, projections: Sequence[Projection], sample: int | None, *, as_json: bool
) -> set[Outcome]:
    # Imported here: the other commands start faster without the stores.
    from infra.verifying import UNTOLD, verdicts  # noqa: PLC0415

    outcomes: set[Outcome] = set()
    display, began = _Lines(), time.monotonic()
    try:
        async for verdict in verdicts(settings, projections, display.show, sample):
            told = _told(verdict, time.monotonic() - began)
            began = time.monotonic()
            outcomes.add(told.outcome)
            display.clear()
            typer.echo(msgspec.json.encode(told).decode() if as_json else _words(told))
    except UNTOLD as error:
        _give_up(str(error))
    return outcomes


def _status(outcomes: set[Outcome]) -> int:
    if "different" in outcomes:
        return DIFFERENT
    return COULD_NOT_TELL if "unknown" in outcomes else 0


def _told(verdict: Verdict, seconds: float) -> Verified:
    outcome: Outcome = "equal"
    if verdict.different:
        outcome = "different"
    elif verdict.undecided or verdict.error is not None:
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
        differences=tuple(TellDifference(*one) for one in verdict.differences),
        undecided=tuple(verdict.undecided),
        set_aside=verdict.set_aside,
        error=verdict.error,
    )


def _words(told: Verified) -> str:
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
            *_differences(told.differences),
            f"  starling replay {told.projection} builds it anew from the log",
        ]
    if told.undecided:
        some = ", ".join(told.undecided[:TOLD_MAX])
        lines.append(f"  changed whenever they were asked: {len(told.undecided):,}: {some}")
    if told.set_aside:
        lines.append(
            f"  left out, as they cannot be applied: {told.set_aside:,} (starling dead-letters)"
        )
    return "\n".join(lines)


def _differences(found: Sequence[TellDifference]) -> list[str]:
    lines = [f"  {one.key} {one.part}: view {one.view}, log {one.log}" for one in found[:TOLD_MAX]]
    if len(found) > TOLD_MAX:
        lines.append(f"  and {len(found) - TOLD_MAX:,} more: --json names them")
    return lines


def _give_up(reason: str) -> NoReturn:
    typer.echo(f"starling: {reason}", err=True)
    raise typer.Exit(COULD_NOT_TELL)


class _Lines:
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
        now = time.monotonic()
        if now - self._line_at < (0.1 if self._terminal else LINE_EVERY_S):
            return
        self._line_at = now
        what = "events read" if step.doing == "reading" else "keys asked"
        words = f"{name}: {step.done:,} of {step.total:,} {what}"
        typer.echo(f"\r\x1b[K{words}" if self._terminal else words, err=True, nl=not self._terminal)
