"""`starling log`: read the event log as it is, also while a server writes it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from infra.cli.asking import fail, require_log
from infra.cli.settings import load_or_exit
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.log_reader import SqliteLogReader, Told
from streams.envelope import Codec

app = typer.Typer(help="Look at the event log.", no_args_is_help=True)

LOOK_EVERY_S: Final = 0.2
PAGE: Final = 1_000

AsJson = Annotated[bool, typer.Option("--json", help="For programs")]


@app.command()
def tail(
    count: Annotated[int, typer.Option("-n", min=0, help="How many events")] = 20,
    *,
    follow: Annotated[bool, typer.Option("-f", help="Go on with what comes")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the newest events."""
    with _reader() as log:
        position = max(log.head() - count, 0)
        while True:
            page = log.after(position, PAGE)
            for told in page:
                _print(told, as_json=as_json)
                position = told.position
            if not page and not follow:
                return
            if not page:
                time.sleep(LOOK_EVERY_S)


@app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="STREAM|POSITION")], *, as_json: AsJson = False
) -> None:
    """Print a stream's events, or the event at a position."""
    with _reader() as log:
        found = log.after(int(what) - 1, 1) if what.isdecimal() else log.stream(what)
        if not found or (what.isdecimal() and found[0].position != int(what)):
            fail(f"The log has no {'event at' if what.isdecimal() else 'stream'} {what}")
        for told in found:
            _print(told, as_json=as_json)


@app.command()
def stats(*, as_json: AsJson = False) -> None:
    """Count the events of each type."""
    with _reader() as log:
        found = log.stats()
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    table = Table("type")
    table.add_column("events", justify="right")
    table.add_column("bytes", justify="right")
    for one in found.types:
        table.add_row(one.type, f"{one.events:,}", f"{one.bytes:,}")
    table.add_section()
    table.add_row("all", f"{found.events:,}", f"{found.bytes:,}")
    Console().print(table)
    typer.echo(f"{found.streams:,} streams; the newest position is {found.head:,}")


@contextmanager
def _reader() -> Iterator[SqliteLogReader]:
    settings = load_or_exit()
    path = require_log(settings)
    with ExitStack() as opened:
        keyring = SqliteKeyring(settings.data_path / "keys.db")
        opened.callback(keyring.close)
        log = SqliteLogReader(path, Codec(keyring))
        opened.callback(log.close)
        yield log


def _print(told: Told, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(told).decode())
        return
    body = msgspec.json.encode(told.event).decode()
    typer.echo(f"{told.position} {told.at} {told.type} {told.stream}@{told.version} {body}")
