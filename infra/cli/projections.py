"""`starling projections`: how far each projection is."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from infra.cli.asking import asked, require_installation
from infra.cli.settings import load_or_exit
from infra.control.requests import Projections, ShowProjections
from infra.settings import Settings
from read_api.ports import ProjectionStatus

app = typer.Typer(help="How far each projection is.", invoke_without_command=True)

LOOK_EVERY_S: Final = 1.0
WIDTH_CHARS: Final = 132


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
        _console().print(_table(found, {}))
        return
    with Live(_table(found, {}), console=_console(), auto_refresh=False) as live:
        while True:
            time.sleep(LOOK_EVERY_S)
            before = {one.name: one.position for one in found}
            found = _look(settings)
            live.update(_table(found, before), refresh=True)


def _look(settings: Settings) -> Sequence[ProjectionStatus]:
    return asked(settings, ShowProjections(), Projections).projections


def _print_json(settings: Settings, *, watch: bool) -> None:
    while True:
        named = [one._asdict() for one in _look(settings)]
        typer.echo(msgspec.json.encode(named).decode())
        if not watch:
            return
        time.sleep(LOOK_EVERY_S)


def _console() -> Console:
    """As wide as the terminal; without one as wide as the table."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_CHARS)


def _table(found: Sequence[ProjectionStatus], before: Mapping[str, int]) -> Table:
    table = Table("projection", "generation")
    for name in ("position", "lag", "lag in s", "events/s", "dead letters"):
        table.add_column(name, justify="right")
    table.add_column("stalled by")
    for one in found:
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
    return table
