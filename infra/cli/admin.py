"""`starling admin`: what only who runs the installation may do."""

import sys
from typing import Annotated

import typer

from infra.cli.asking import asked, require_installation
from infra.cli.settings import load_or_exit
from infra.control.requests import Done, GrantRoleTo, SetPasswordOf

app = typer.Typer(help="Roles and passwords.", no_args_is_help=True)

Handle = Annotated[str, typer.Argument(help="Whose, with or without the @")]


@app.command()
def grant(
    handle: Handle, role: Annotated[str, typer.Argument(help="Which role")] = "admin"
) -> None:
    """Give an account a role, from its next sign-in on."""
    settings = load_or_exit()
    require_installation(settings)
    asked(settings, GrantRoleTo(handle, role), Done)
    typer.echo(f"{handle} has the role {role} from the next sign-in on")


@app.command()
def set_password(handle: Handle) -> None:
    """Set an account's password, asked for twice or read from a pipe; its sessions end."""
    settings = load_or_exit()
    require_installation(settings)
    asked(settings, SetPasswordOf(handle, _password()), Done)
    typer.echo(f"{handle} signs in with the new password now; earlier sessions ended")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password: str = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    return password
