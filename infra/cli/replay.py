"""`starling replay`, `rollback`, `prune`: build a projection anew while the system serves."""

import asyncio
import sys
import time
from collections.abc import Callable
from math import inf
from typing import Annotated, Final, NamedTuple

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from domain.errors import Refusal
from infra.cli.asking import asked, fail, require_installation
from infra.cli.settings import load_or_exit
from infra.control.requests import (
    Answering,
    PruneProjection,
    RollBackProjection,
    SwapProjection,
)
from infra.settings import Settings
from projections.projection import Projection, StoreUnavailable
from streams.pipeline import Paused
from streams.rebuild import Rebuilt
from streams.registry import PROJECTIONS

LINE_EVERY_S: Final = 3.0
INTERRUPTED: Final = (
    "interrupted; the same command goes on where it was, `starling projections prune` drops it"
)
INTERRUPTED_STATUS: Final = 130
Report = Callable[[Rebuilt], None]
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


class Planned(msgspec.Struct, frozen=True):
    """What a replay would do: of `events` so many are `done` already."""

    projection: str
    would_build: int
    events: int
    done: int


class How(NamedTuple):
    """How to replay: events a second at most, to which position of the log."""

    swap: bool
    per_s_max: float
    to: int | None
    processes: int


def replay(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which projection")] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every projection")] = False,
    swap: Annotated[bool, typer.Option(help="Let the new generation answer")] = True,
    throttle: Annotated[
        float, typer.Option(help="At most so many events a second (0: no limit)", min=0)
    ] = 0,
    to: Annotated[
        int | None,
        typer.Option(help="Build it as of a position of the log; implies --no-swap", min=0),
    ] = None,
    processes: Annotated[
        int, typer.Option(help="How many share the partitions; cluster profile", min=1, max=64)
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be built")] = False,
    as_json: AsJson = False,
) -> None:
    """Build a projection anew from the log, beside the live one, then let it answer."""
    if (name is None) != all_of_them:
        raise typer.BadParameter("Name a projection, or say --all")
    settings = _settings()
    if to is not None and settings.profile == "cluster":
        fail("--to is a position of the embedded profile's log; topics have one per partition")
    if processes > 1 and settings.profile == "embedded":
        fail("--processes: the embedded profile's log has one partition")
    how = How(swap and to is None, throttle or inf, to, processes)
    for projection in PROJECTIONS if name is None else (_projection(name),):
        if dry_run:
            _tell_plan(_planned(settings, projection, to), as_json=as_json)
        else:
            _tell(_replay(settings, projection, how), as_json=as_json)


def rollback(name: Name, *, as_json: AsJson = False) -> None:
    """Let the generation answer again that was live before."""
    found = _changed(_settings(), RollBackProjection(_projection(name).name))
    _say(found, f"{name}: generation {found.generation} answers again", as_json=as_json)


def prune(name: Name, *, as_json: AsJson = False) -> None:
    """Drop the generations that do not answer."""
    found = _changed(_settings(), PruneProjection(_projection(name).name))
    dropped = ", ".join(map(str, found.dropped)) or "none"
    _say(found, f"{name}: dropped generations: {dropped}", as_json=as_json)


def _settings() -> Settings:
    settings = load_or_exit()
    require_installation(settings)
    return settings


def _projection(name: str) -> Projection:
    if name not in _BY_NAME:
        fail(f"There is no projection {name}: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def _changed(settings: Settings, request: RollBackProjection | PruneProjection) -> Answering:
    if settings.profile == "embedded":
        return asked(settings, request, Answering)
    # Imported here, as below: it needs the clients of the engines.
    from infra.profiles import cluster_replay  # noqa: PLC0415

    try:
        return asyncio.run(cluster_replay.changed(settings, request))
    except (Refusal, StoreUnavailable) as error:
        fail(str(error))


def _planned(settings: Settings, projection: Projection, to: int | None) -> Planned:
    if settings.profile == "embedded":
        from infra import replaying  # noqa: PLC0415

        plan = replaying.planned(settings, projection)
    else:
        from infra.profiles import cluster_replay  # noqa: PLC0415

        plan = asyncio.run(cluster_replay.planned(settings, projection))
    events = plan.total if to is None else min(to, plan.total)
    return Planned(projection.name, plan.number, events, min(plan.done, events))


def _replay(settings: Settings, projection: Projection, how: How) -> Replayed:
    building = _on_files if settings.profile == "embedded" else _on_engines
    last = Rebuilt(0, 0, 0, 0.0)
    with _Display(projection.name) as display:

        def report(rebuilt: Rebuilt) -> None:
            nonlocal last
            last = rebuilt
            display.show(rebuilt)

        try:
            built, answering = building(settings, projection, report, how)
        except (Refusal, Paused, StoreUnavailable) as error:
            fail(f"{projection.name}: {error}")
        except KeyboardInterrupt:
            typer.echo(f"{projection.name}: {INTERRUPTED}", err=True)
            raise typer.Exit(INTERRUPTED_STATUS) from None
    events = last.done - last.began_at
    return Replayed(projection.name, built, answering, events, round(last.elapsed_s, 3))


def _on_files(
    settings: Settings, projection: Projection, report: Report, how: How
) -> tuple[int, int]:
    # Imported here: the other commands start faster without the stores.
    from infra import replaying  # noqa: PLC0415

    building = replaying.replay(settings, projection, report, per_s_max=how.per_s_max, to=how.to)
    one = asyncio.run(building)
    if not how.swap or one.state == "live":
        return one.number, replaying.live(settings, projection).number
    return one.number, asked(settings, SwapProjection(projection.name), Answering).generation


def _on_engines(
    settings: Settings, projection: Projection, report: Report, how: How
) -> tuple[int, int]:
    from infra.profiles import cluster_replay  # noqa: PLC0415

    return asyncio.run(
        cluster_replay.replayed(
            settings,
            projection,
            report,
            per_s_max=how.per_s_max,
            processes=how.processes,
            swap=how.swap,
        )
    )


def _tell_plan(plan: Planned, *, as_json: bool) -> None:
    begun = f", of which {plan.done:,} are done" if plan.done else ""
    words = (
        f"{plan.projection}: generation {plan.would_build} would be built "
        f"from {plan.events:,} events{begun}"
    )
    _say(plan, words, as_json=as_json)


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
