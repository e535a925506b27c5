"""`starling settings`: every setting, its value and where it came from."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.engines import without_password
from infra.settings import DESCRIPTIONS, PREFIX, SettingError, Settings, load


def load_or_exit() -> Settings:
    """The settings; on a bad one the message and exit status 2."""
    try:
        return load()[0]
    except SettingError as error:
        typer.echo(f"starling: {error}", err=True)
        raise typer.Exit(2) from error


def show(*, as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """Show every setting with its source; secrets are hidden."""
    load_or_exit()
    _, loaded = load()
    sourced = [one._replace(value=without_password(one.value)) for one in loaded]
    if as_json:
        json.dump([s._asdict() for s in sourced], sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    table = Table("setting", "value", "source", "what it is")
    for name, value, source in sourced:
        table.add_row(name, value, source, DESCRIPTIONS[name.removeprefix(PREFIX).lower()])
    Console().print(table)
