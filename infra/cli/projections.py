"""`starling projections`: how far each projection is."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from infra.cli.asking import asked, require_installation
from infra.cli.settings import load_or_exit
from infra.control.requests import Projections, ShowProjections
from infra.settings import Settings
from read_api.ports import ProjectionStatus, ReplayStatus, SideView

app = typer.Typer(help="How far each projection is.", invoke_without_command=True)

LOOK_EVERY_S: Final = 1.0
WIDTH_CHARS: Final = 132
# Lag, twice, events a second and dead letters.
NUMBERS_OF_LIVE_ONES: Final = 4


@app.callback()
def show(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Look again each second")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Show position, lag and dead letters of each projection."""
    if context.invoked_subcommand is not None:
        return
    settings = load_or_exit()
    require_installation(settings)
    if as_json:
        _print_json(settings, watch=watch)
        return
    found = _look(settings)
    if not watch:
        _console().print(_shown(found, {}))
        return
    with Live(_shown(found, {}), console=_console(), auto_refresh=False) as live:
        while True:
            time.sleep(LOOK_EVERY_S)
            before = {one.name: one.position for one in found.projections}
            found = _look(settings)
            live.update(_shown(found, before), refresh=True)


def _look(settings: Settings) -> Projections:
    return asked(settings, ShowProjections(), Projections)


def _print_json(settings: Settings, *, watch: bool) -> None:
    while True:
        found = _look(settings)
        named = [
            {
                **one._asdict(),
                "replay": None if one.replay is None else one.replay._asdict(),
                "partitions": [partition._asdict() for partition in one.partitions],
                "side_views": [view._asdict() for view in _beside(one, found)],
            }
            for one in found.projections
        ]
        typer.echo(msgspec.json.encode(named).decode())
        if not watch:
            return
        time.sleep(LOOK_EVERY_S)


def _console() -> Console:
    """As wide as the terminal; without one as wide as the table."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_CHARS)


def _beside(one: ProjectionStatus, found: Projections) -> Sequence[SideView]:
    return [view for view in found.side_views if view.projection == one.name]


def _shown(found: Projections, before: Mapping[str, int]) -> Group:
    """The table, and below it what is being built."""
    told = [_told(one.name, one.replay) for one in found.projections if one.replay is not None]
    return Group(_table(found, before), *told)


def _told(name: str, replay: ReplayStatus) -> str:
    told = f"{name}: generation {replay.generation} is {replay.state}"
    told += f" at {replay.done:,} of {replay.total:,} events"
    if replay.state == "building":
        left = "" if replay.left_s is None else f", {replay.left_s:,.0f} s left"
        told += f", {replay.per_s:,.0f} events/s{left}"
    if replay.per_s_max is not None:
        told += f", {replay.per_s_max:,.10g} events/s at most"
    return told


def _table(found: Projections, before: Mapping[str, int]) -> Table:
    table = Table("projection", "generation")
    for name in ("position", "lag", "lag in s", "events/s", "dead letters"):
        table.add_column(name, justify="right")
    table.add_column("stalled by")
    for one in found.projections:
        pace = (one.position - before.get(one.name, one.position)) / LOOK_EVERY_S
        table.add_row(
            one.name,
            f"v{one.version}.{one.generation}",
            f"{one.position:,}",
            f"{one.lag_events:,}",
            f"{one.lag_s:,.1f}",
            f"{pace:,.0f}" if before else "",
            f"{one.dead_letters:,}",
            one.stalled_by or "",
        )
        for view in _beside(one, found):
            table.add_row(
                "",
                f"v{one.version}.{view.generation}",
                f"{sum(view.vector.values()):,}",
                *[""] * NUMBERS_OF_LIVE_ONES,
                f"as of {view.as_of}" + ("" if view.whole else ", being built"),
            )
    return table
