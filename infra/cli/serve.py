"""`starling serve`: the HTTP server."""

from enum import StrEnum
from typing import Annotated

import typer

from infra.cli.settings import load_or_exit


class Part(StrEnum):
    """What to serve."""

    ALL = "all"
    COMMANDS = "commands"
    READS = "reads"


def serve(
    part: Annotated[Part, typer.Argument(help="commands, reads, or all of it")] = Part.ALL,
) -> None:
    """Serve the HTTP API until a signal asks to stop."""
    # Imported here: the other commands start faster without the server.
    from infra import server  # noqa: PLC0415

    settings = load_or_exit()
    raise SystemExit(server.run(settings, part.value))
