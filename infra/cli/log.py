"""`starling log`: read the event log as it is, also while a server writes it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from domain.errors import Unavailable
from infra.cli.asking import fail, require_log
from infra.cli.settings import load_or_exit
from infra.settings import Settings
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.log_reader import SqliteLogReader
from infra.told_log import LogReader, NotInLog, Told
from streams.envelope import Codec

app = typer.Typer(help="Look at the event log.", no_args_is_help=True)

LOOK_EVERY_S: Final = 0.2

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
        for told in log.newest(count):
            _print(told, as_json=as_json)
        while follow:
            found = log.coming()
            for told in found:
                _print(told, as_json=as_json)
            if not found:
                time.sleep(LOOK_EVERY_S)


@app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="STREAM|POSITION")], *, as_json: AsJson = False
) -> None:
    """Print a stream's events, or the event at a position (of a cluster: new_tweet/3:17)."""
    with _reader() as log:
        for told in log.named(what):
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
    many = len(found.partitions)
    where = "the newest position is" if many == 1 else f"{many} partitions; positions add up to"
    typer.echo(f"{found.streams:,} streams; {where} {found.head:,}")


@contextmanager
def _reader() -> Iterator[LogReader]:
    """The installation's log. What cannot be told is said, with exit status 1."""
    settings = load_or_exit()
    try:
        with _opened(settings) as log:
            yield log
    except (NotInLog, Unavailable) as error:
        fail(str(error))


@contextmanager
def _opened(settings: Settings) -> Iterator[LogReader]:
    if settings.profile == "cluster":
        # Imported here: it needs the clients of the engines, which the embedded profile has not.
        from infra.profiles.cluster_log_reader import cluster_log_reader  # noqa: PLC0415

        with cluster_log_reader(settings) as log:
            yield log
        return
    path = require_log(settings)
    with ExitStack() as opened:
        keyring = SqliteKeyring(settings.data_path / "keys.db")
        opened.callback(keyring.close)
        reader = SqliteLogReader(path, Codec(keyring))
        opened.callback(reader.close)
        yield reader


def _print(told: Told, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(told).decode())
        return
    body = msgspec.json.encode(told.event).decode()
    typer.echo(f"{told.place} {told.at} {told.type} {told.stream}@{told.version} {body}")
