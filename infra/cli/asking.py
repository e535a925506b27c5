"""What the commands share that ask a server or its folder: a failure is told and exits with 1."""

from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from infra.control.client import RequestFailed
from infra.control.reach import perform
from infra.control.requests import Request, Result
from infra.folder import LOG_FILE
from infra.importing.tally import Progress, Report
from infra.settings import Settings

Account = Annotated[
    str, typer.Argument(help="A handle (with an @ where it is digits only), or an account id")
]
ResultT = TypeVar("ResultT", bound=Result)


def unshown(_progress: Progress) -> None:
    """For what is over in a moment."""


def asked(
    settings: Settings, request: Request, expected: type[ResultT], report: Report = unshown
) -> ResultT:
    """The result of a request, or exit status 1 with the reason."""
    try:
        result = perform(settings, request, report)
    except RequestFailed as error:
        fail(str(error))
    if not isinstance(result, expected):
        fail(f"The server answered something else: {result!r}")
    return result


def fail(reason: str) -> NoReturn:
    """Say why and exit with 1."""
    typer.echo(f"starling: {reason}", err=True)
    raise typer.Exit(1)


def require_installation(settings: Settings) -> None:
    """Exit status 1 where nothing was ever served: looking must not make a folder."""
    if settings.profile == "embedded":
        require_log(settings)


def require_log(settings: Settings) -> Path:
    """The log of the embedded profile's folder, or exit status 1."""
    if settings.profile != "embedded":
        fail("This is not built for the cluster profile yet")
    path = settings.data_path / LOG_FILE
    if not path.is_file():
        fail(f"There is no log in {settings.data_path}")
    return path
