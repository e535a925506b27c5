"""`starling dead-letters`: what projections could not apply: list, show, retry, discard."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.cli.asking import asked, fail, require_installation
from infra.cli.settings import load_or_exit
from infra.control.requests import (
    DeadLetterShown,
    DeadLettersListed,
    DeadLettersSettled,
    DiscardDeadLetter,
    ListDeadLetters,
    RetryDeadLetter,
    RetryEveryDeadLetter,
    ShowDeadLetter,
)
from infra.settings import Settings
from read_api.ports import DeadLetter, LetterPlace

app = typer.Typer(help="Events that projections could not apply.", no_args_is_help=True)

PAGE: Final = 1_000
WIDTH_CHARS: Final = 132
WAIT_S: Final = 10.0
# Told of a queue; the list has them all.
POSITIONS_MAX: Final = 20

Name = Annotated[str, typer.Argument(metavar="NAME", help="Which projection")]
Partition = Annotated[int, typer.Argument(metavar="PARTITION", min=0)]
Position = Annotated[int, typer.Argument(metavar="POSITION", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait until the projection answers")
]


@app.command("list")
def list_them(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this projection's")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List them, the oldest of each projection first."""
    found = list(_all_of(_settings(), name))
    if as_json:
        typer.echo(msgspec.json.encode([_for_programs(one) for one in found]).decode())
        return
    if not found:
        typer.echo("There are no dead letters" if name is None else f"{name} has no dead letters")
        return
    # As wide as the terminal; without one as wide as the table.
    console = Console(width=None if sys.stdout.isatty() else WIDTH_CHARS)
    console.print(_table(found))


@app.command()
def show(name: Name, partition: Partition, position: Position, *, as_json: AsJson = False) -> None:
    """Show the event, why it was parked, and what waits behind it by key."""
    shown = asked(_settings(), ShowDeadLetter(name, partition, position), DeadLetterShown)
    if as_json:
        told = msgspec.to_builtins(shown) | {"letters": list(map(_for_programs, shown.letters))}
        typer.echo(msgspec.json.encode(told).decode())
        return
    for letter in shown.letters:
        typer.echo(f"{_named(letter)}: {_plain(letter.error)}")
        if letter.requested is not None:
            typer.echo(f"  asked for, not done yet: {letter.requested}")
    if shown.event is None:
        typer.echo("event: the log does not have it any more")
    else:
        event = shown.event
        body = msgspec.json.encode(event.event).decode()
        typer.echo(f"event: {event.at} {_plain(event.type)} {_plain(body)}".replace("  ", " "))
    key = shown.letters[0].key
    typer.echo(f"key: {'none, it cannot be read' if key is None else key}")
    typer.echo(f"waits behind: {_positions(shown.ahead)}")
    typer.echo(f"waiting behind it: {_positions(shown.behind)}")


@app.command()
def retry(
    name: Name,
    partition: Annotated[int | None, typer.Argument(metavar="[PARTITION", min=0)] = None,
    position: Annotated[int | None, typer.Argument(metavar="POSITION]", min=1)] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every one of NAME")] = False,
    wait_s: Wait = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Have an event applied, with all of its key in their order, now that the fault is mended."""
    if all_of_them:
        if partition is not None:
            raise typer.BadParameter("Either PARTITION and POSITION, or --all")
        request: RetryEveryDeadLetter | RetryDeadLetter = RetryEveryDeadLetter(name, wait_s)
    elif partition is None or position is None:
        raise typer.BadParameter("Say PARTITION and POSITION, or --all")
    else:
        request = RetryDeadLetter(name, partition, position, wait_s)
    settled = asked(_settings(), request, DeadLettersSettled)
    _tell(settled, "applied", as_json=as_json)


@app.command()
def discard(
    name: Name,
    partition: Partition,
    position: Position,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays in the log")],
    wait_s: Wait = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Leave an event out of a projection for good; what waits behind it is applied."""
    request = DiscardDeadLetter(name, partition, position, reason, wait_s)
    settled = asked(_settings(), request, DeadLettersSettled)
    _tell(settled, "discarded", as_json=as_json)


def _settings() -> Settings:
    settings = load_or_exit()
    require_installation(settings)
    return settings


def _all_of(settings: Settings, name: str | None) -> Iterator[DeadLetter]:
    after: LetterPlace | None = None
    while True:
        page = asked(settings, ListDeadLetters(name, PAGE, after), DeadLettersListed).letters
        yield from page
        if len(page) < PAGE:
            return
        after = LetterPlace(*page[-1][:5])


def _tell(settled: DeadLettersSettled, done: str, *, as_json: bool) -> None:
    """Exit status 1 where one still cannot be applied."""
    failed = max(settled.still_there - settled.unanswered, 0)
    if as_json:
        told = {
            "asked": settled.asked,
            "unanswered": settled.unanswered,
            "still_there": settled.still_there,
            "left": [_for_programs(one) for one in settled.left],
        }
        typer.echo(msgspec.json.encode(told).decode())
    else:
        typer.echo(f"{done}: {max(settled.asked - settled.still_there, 0):,} of {settled.asked:,}")
        if settled.unanswered:
            typer.echo(f"asked for, not done yet: {settled.unanswered:,}")
    if failed:
        answered = [one for one in settled.left if one.requested is None]
        why = "".join(f"\n  {_named(one)}: {_plain(one.error)}" for one in answered)
        fail(f"{failed:,} still cannot be applied{why}")


def _table(found: Sequence[DeadLetter]) -> Table:
    table = Table("projection", "generation")
    for name in ("partition", "position", "key"):
        table.add_column(name, justify="right")
    table.add_column("asked for")
    table.add_column("error", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in found:
        table.add_row(
            one.projection,
            f"v{one.version}.{one.generation}",
            str(one.partition),
            str(one.position),
            "" if one.key is None else str(one.key),
            one.requested or "",
            # As text: what an event says must not be taken for markup.
            Text(_plain(one.error)),
        )
    return table


def _for_programs(letter: DeadLetter) -> dict[str, Any]:
    return letter._asdict() | {"key": None if letter.key is None else str(letter.key)}


def _named(letter: DeadLetter) -> str:
    place = f"partition {letter.partition}, position {letter.position}"
    return f"{letter.projection} v{letter.version}.{letter.generation}, {place}"


def _positions(found: Sequence[int]) -> str:
    if not found:
        return "nothing"
    told = ", ".join(map(str, found[:POSITIONS_MAX]))
    return told if len(found) <= POSITIONS_MAX else f"{told} ... ({len(found):,} in all)"


def _plain(text: str) -> str:
    """Nothing in it moves the cursor: an error may quote what a stranger wrote."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
