"""`starling erase`: destroy a person's key and everything that is kept of them."""

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from infra.cli.asking import Account, asked, require_installation
from infra.cli.settings import load_or_exit
from infra.control.requests import Erased, ErasePerson

WARNING = (
    "This closes the account {account} and destroys the key of all that the person ever wrote. "
    "Nobody can undo it. Erase?"
)


def erase(
    account: Account,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Erase a person and show what is left of them: nothing, or exit status 1.

    Asking again for somebody who is erased looks again.
    """
    settings = load_or_exit()
    require_installation(settings)
    if not yes:
        typer.confirm(WARNING.format(account=account), abort=True, err=True)
    erased = asked(settings, ErasePerson(account), Erased)
    if as_json:
        typer.echo(msgspec.json.encode(erased).decode())
    else:
        _tell(erased)
    if not erased.complete:
        raise typer.Exit(1)


def _tell(erased: Erased) -> None:
    table = Table("store")
    table.add_column("still answers", justify="right")
    for name, count in erased.left.items():
        table.add_row(name, f"{count:,}")
    Console().print(table)
    removed = ", ".join(f"{name} {count:,}" for name, count in erased.removed.items())
    typer.echo(f"removed beside them: {removed}")
    typer.echo(
        f"log: {erased.events:,} events, {erased.unreadable:,} sealed ones can never be read "
        f"again, {erased.readable:,} still can"
    )
    typer.echo(f"digest: {erased.digest}")
    state = "is erased" if erased.complete else "is NOT erased yet: erase again"
    typer.echo(f"account {erased.account_id} {state} (recorded {erased.erased_at})")
