"""`starling worker`: a projection's process of the cluster profile."""

from typing import Annotated, NoReturn

import typer

from infra.cli.settings import load_or_exit


def worker(
    names: Annotated[list[str], typer.Argument(metavar="NAME...|all", help="Which projections")],
    metrics: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Answer /metrics, /livez and /readyz there")
    ] = "",
) -> None:
    """Run projections of the cluster profile until a signal asks to stop."""
    settings = load_or_exit()
    _ = _address(metrics)
    if settings.profile == "embedded":
        _refuse(
            f"{' '.join(names)}: workers belong to the cluster profile; "
            "the embedded profile runs every projection inside `starling serve`"
        )
    _refuse("the cluster profile is not built yet")


def _address(text: str) -> tuple[str, int] | None:
    """Host and port; None for nowhere."""
    host, _, port = text.rpartition(":")
    if not text:
        return None
    if not host or not port.isdecimal() or int(port) > 65_535:
        _refuse("--metrics must be HOST:PORT")
    return host.strip("[]"), int(port)


def _refuse(why: str) -> NoReturn:
    typer.echo(f"starling: {why}", err=True)
    raise typer.Exit(2)
