"""`starling import`: posts and follows from files, through the command handlers."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from infra.cli.asking import asked
from infra.cli.settings import load_or_exit
from infra.control.requests import Imported, ImportFiles
from infra.importing.display import ProgressDisplay, told
from infra.importing.imports import Files

PostFiles = Annotated[
    list[Path] | None,
    typer.Option("--posts", help="JSON Lines: id, user, created_at, text, in_reply_to; or .gz"),
]
FollowFiles = Annotated[
    list[Path] | None,
    typer.Option("--follows", help="TSV: follower, followee; or .gz"),
]
Namespace = Annotated[
    str | None,
    typer.Option(help="Ids in files of one namespace are the same (default: the file's name)"),
]


def import_files(
    posts: PostFiles = None,
    follows: FollowFiles = None,
    namespace: Namespace = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON")] = False,
) -> None:
    """Import posts and follows. A second run adds only what is not there yet."""
    if not posts and not follows:
        raise typer.BadParameter("Name a file with --posts or --follows")
    files = Files(
        posts=tuple(str(path.absolute()) for path in posts or ()),
        follows=tuple(str(path.absolute()) for path in follows or ()),
        namespace=namespace,
    )
    with ProgressDisplay(sys.stderr if as_json else sys.stdout) as display:
        imported = asked(load_or_exit(), ImportFiles(files), Imported, display.report)
    if as_json:
        typer.echo(msgspec.json.encode(imported.summary).decode())
    else:
        typer.echo(told(imported.summary))
