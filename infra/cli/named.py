"""What the commands share that are about a projection which is named."""

from typing import Annotated

import msgspec
import typer

from infra.cli.asking import fail, require_installation
from infra.cli.settings import load_or_exit
from infra.settings import Settings
from projections.projection import Projection
from streams.registry import BY_NAME

Name = Annotated[str, typer.Argument(metavar="NAME", help="Which projection")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs")]


def installed() -> Settings:
    """The settings; exit status 1 where nothing was ever served."""
    settings = load_or_exit()
    require_installation(settings)
    return settings


def projection_named(name: str) -> Projection:
    """It, or exit status 1."""
    if name not in BY_NAME:
        fail(f"There is no projection {name}: {', '.join(BY_NAME)}")
    return BY_NAME[name]


def say(found: msgspec.Struct, words: str, *, as_json: bool) -> None:
    """For a program, or for a person."""
    typer.echo(msgspec.json.encode(found).decode() if as_json else words)
