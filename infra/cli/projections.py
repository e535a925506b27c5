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
from read_api.ports import PartitionStatus, ProjectionStatus, ReplayStatus, SideView

app = typer.Typer(help="How far each projection is.", invoke_without_command=True)

LOOK_EVERY_S: Final = 1.0
WIDTH_CHARS: Final = 152
# Lag, twice, events a second and dead letters.
NUMBERS_OF_LIVE_ONES: Final = 4
# So many are named, more are counted.
OWNERS_NAMED_MAX: Final = 2
# No process has it, or Kafka does not say.
NOBODY: Final = "nobody"


@app.callback()
def show(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Look again each second")] = False,
    partitions: Annotated[
        bool, typer.Option("--partitions", help="Each partition of the log by itself")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Show position, lag and dead letters of each projection, and which process fills it."""
    if context.invoked_subcommand is not None:
        return
    settings = load_or_exit()
    require_installation(settings)
    if as_json:
        _print_json(settings, watch=watch)
        return
    found = _look(settings)
    if not watch:
        _console().print(_shown(found, {}, partitions=partitions))
        return
    with Live(
        _shown(found, {}, partitions=partitions), console=_console(), auto_refresh=False
    ) as live:
        while True:
            time.sleep(LOOK_EVERY_S)
            before = {one.name: one.position for one in found.projections}
            found = _look(settings)
            live.update(_shown(found, before, partitions=partitions), refresh=True)


def _look(settings: Settings) -> Projections:
    return asked(settings, ShowProjections(), Projections)


def _print_json(settings: Settings, *, watch: bool) -> None:
    while True:
        found = _look(settings)
        named = [
            {
                **one._asdict(),
                "replay": _fields(one.replay),
                "partitions": [partition._asdict() for partition in one.partitions],
                "side_views": [
                    {**view._asdict(), "replay": _fields(view.replay)}
                    for view in _beside(one, found)
                ],
            }
            for one in found.projections
        ]
        typer.echo(msgspec.json.encode(named).decode())
        if not watch:
            return
        time.sleep(LOOK_EVERY_S)


def _fields(replay: ReplayStatus | None) -> Mapping[str, object] | None:
    return None if replay is None else replay._asdict()


def _console() -> Console:
    """As wide as the terminal; without one as wide as the table."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_CHARS)


def _beside(one: ProjectionStatus, found: Projections) -> Sequence[SideView]:
    return [view for view in found.side_views if view.projection == one.name]


def _shown(found: Projections, before: Mapping[str, int], *, partitions: bool) -> Group:
    """The table, and below it what is being built."""
    told = [_told(one.name, one.replay) for one in found.projections if one.replay is not None]
    told += [
        _told(view.projection, view.replay, f" as of {view.as_of}")
        for view in found.side_views
        if view.replay is not None
    ]
    return Group(_table(found, before, partitions=partitions), *told)


def _told(name: str, replay: ReplayStatus, as_of: str = "") -> str:
    told = f"{name}: generation {replay.generation}{as_of} is {replay.state}"
    told += f" at {replay.done:,} of {replay.total:,} events"
    if replay.state == "building":
        left = "" if replay.left_s is None else f", {replay.left_s:,.0f} s left"
        told += f", {replay.per_s:,.0f} events/s{left}"
    if replay.per_s_max is not None:
        told += f", {replay.per_s_max:,.10g} events/s at most"
    return told


def _table(found: Projections, before: Mapping[str, int], *, partitions: bool) -> Table:
    table = Table("projection", "generation")
    for name in ("position", "lag", "lag in s", "events/s", "dead letters"):
        table.add_column(name, justify="right")
    table.add_column("owner")
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
            owners_of(one.partitions),
            one.stalled_by or "",
        )
        for partition in one.partitions if partitions else ():
            _add_partition(table, partition)
        for view in _beside(one, found):
            table.add_row(
                "",
                f"v{one.version}.{view.generation}",
                f"{sum(view.vector.values()):,}",
                *[""] * NUMBERS_OF_LIVE_ONES,
                "",
                f"as of {view.as_of}" + ("" if view.whole else ", being built"),
            )
    return table


def owners_of(partitions: Sequence[PartitionStatus]) -> str:
    """The processes that have them, and how many nobody has."""
    names = sorted({one.owner for one in partitions if one.owner is not None})
    told = ", ".join(names) if len(names) <= OWNERS_NAMED_MAX else f"{len(names)} processes"
    orphans = sum(one.owner is None for one in partitions)
    if not names or not orphans:
        return told or NOBODY
    return f"{told}; {orphans} of {len(partitions)} {NOBODY}"


def _add_partition(table: Table, one: PartitionStatus) -> None:
    lag = f"{one.head - one.position:,}"
    table.add_row(f"  {one.name}", "", f"{one.position:,}", lag, "", "", "", one.owner or NOBODY)
