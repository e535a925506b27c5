"""`starling worker`: a projection's process of the cluster profile."""

from typing import Annotated

import typer


def worker(
    names: Annotated[list[str], typer.Argument(metavar="NAME...|all", help="Which projections")],
) -> None:
    """Run projections of the cluster profile."""
    typer.echo(
        f"starling: {' '.join(names)}: workers belong to the cluster profile; "
        "the embedded profile runs every projection inside `starling serve`",
        err=True,
    )
    raise typer.Exit(2)
