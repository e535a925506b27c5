"""`starling replay`, `rollback`, `prune`: build a projection anew while the system serves."""

import asyncio
import sys
import time
from typing import Annotated, Final

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from infra.cli.asking import asked, fail, require_log
from infra.cli.settings import load_or_exit
from infra.control.requests import (
    Answering,
    PruneProjection,
    RollBackProjection,
    SwapProjection,
)
from infra.settings import Settings
from projections.projection import Projection
from streams.pipeline import Paused
from streams.rebuild import Rebuilt
from streams.registry import PROJECTIONS

LINE_EVERY_S: Final = 3.0
_BY_NAME: Final = {projection.name: projection for projection in PROJECTIONS}

Name = Annotated[str, typer.Argument(metavar="NAME", help="Which projection")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs")]


class Replayed(msgspec.Struct, frozen=True):
    """What a replay did; `answering` is the live generation at its end."""

    projection: str
    built: int
    answering: int
    events: int
    seconds: float


def replay(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which projection")] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every projection")] = False,
    swap: Annotated[bool, typer.Option(help="Let the new generation answer")] = True,
    throttle: Annotated[
        float, typer.Option(help="At most so many events a second (0: no limit)", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Build a projection anew from the log, beside the live one, then let it answer."""
    if (name is None) != all_of_them:
        raise typer.BadParameter("Name a projection, or say --all")
    settings = _settings()
    for projection in PROJECTIONS if name is None else (_projection(name),):
        replayed = _replay(settings, projection, swap=swap, per_s_max=throttle or float("inf"))
        _tell(replayed, as_json=as_json)


def rollback(name: Name, *, as_json: AsJson = False) -> None:
    """Let the generation answer again that was live before."""
    found = asked(_settings(), RollBackProjection(_projection(name).name), Answering)
    _say(found, f"{name}: generation {found.generation} answers again", as_json=as_json)


def prune(name: Name, *, as_json: AsJson = False) -> None:
    """Drop the generations that do not answer."""
    found = asked(_settings(), PruneProjection(_projection(name).name), Answering)
    dropped = ", ".join(map(str, found.dropped)) or "none"
    _say(found, f"{name}: dropped generations: {dropped}", as_json=as_json)


def _settings() -> Settings:
    settings = load_or_exit()
    if settings.profile == "cluster":
        fail("replay is not built for the cluster profile yet")
    require_log(settings)
    return settings


def _projection(name: str) -> Projection:
    if name not in _BY_NAME:
        fail(f"There is no projection {name}: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def _replay(
    settings: Settings, projection: Projection, *, swap: bool, per_s_max: float
) -> Replayed:
    # Imported here: the other commands start faster without the stores.
    from infra import replaying  # noqa: PLC0415

    last = Rebuilt(0, 0, 0, 0.0)
    with _Display(projection.name) as display:

        def report(rebuilt: Rebuilt) -> None:
            nonlocal last
            last = rebuilt
            display.show(rebuilt)

        building = replaying.replay(settings, projection, report, per_s_max=per_s_max)
        try:
            one = asyncio.run(building)
        except (replaying.AlreadyBuilt, Paused) as error:
            fail(f"{projection.name}: {error}")
    answering = one.number
    if swap:
        answering = asked(settings, SwapProjection(projection.name), Answering).generation
    events = last.done - last.began_at
    return Replayed(projection.name, one.number, answering, events, round(last.elapsed_s, 3))


def _tell(replayed: Replayed, *, as_json: bool) -> None:
    pace = replayed.events / replayed.seconds if replayed.seconds else 0.0
    answers = "it answers now" if replayed.answering == replayed.built else "it does not answer yet"
    words = (
        f"{replayed.projection}: generation {replayed.built} built from {replayed.events:,} events "
        f"in {replayed.seconds:,.1f} s ({pace:,.0f} a second); {answers}"
    )
    _say(replayed, words, as_json=as_json)


def _say(found: msgspec.Struct, words: str, *, as_json: bool) -> None:
    typer.echo(msgspec.json.encode(found).decode() if as_json else words)


class _Display:
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
        pace = f"{rebuilt.per_s:,.0f} events/s, {rebuilt.left_s:,.0f} s left"
        self._bar.update(self._task, completed=rebuilt.done, total=rebuilt.total, pace=pace)
        if not self._terminal and time.monotonic() - self._line_at >= LINE_EVERY_S:
            self._line_at = time.monotonic()
            done = f"{rebuilt.done:,} of {rebuilt.total:,} events"
            typer.echo(f"{self._name}: {done}, {pace}", err=True)

    def __enter__(self) -> "_Display":
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()
