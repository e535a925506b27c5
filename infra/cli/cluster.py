"""`starling cluster`: the real engines on this machine, without Docker."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from infra.cli.asking import fail
from infra.cli.settings import load_or_exit

if TYPE_CHECKING:
    from infra.cluster.cluster import Cluster
    from infra.cluster.kept import Report

app = typer.Typer(help="Kafka, Cassandra and the other engines, here.", no_args_is_help=True)

Only = Annotated[str | None, typer.Option(help="Some engines: kafka,cassandra")]
Folder = Annotated[Path | None, typer.Option("--dir", help="Data, logs and process ids")]


@app.command()
def fetch(only: Only = None) -> None:
    """Download what the engines are made of, as the first `up` does; start nothing."""
    _act(only, None, lambda cluster: cluster.fetch())


@app.command()
def up(only: Only = None, folder: Folder = None) -> None:
    """Start the engines that do not run, and wait until all are ready."""
    _act(only, folder, lambda cluster: cluster.up())


@app.command()
def down(
    only: Only = None,
    folder: Folder = None,
    *,
    wipe: Annotated[bool, typer.Option("--wipe", help="Remove their data and logs")] = False,
) -> None:
    """Stop the engines that were started here."""
    _act(only, folder, lambda cluster: cluster.down(wipe=wipe))


@app.command()
def status(
    only: Only = None,
    folder: Folder = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Show each engine. The exit status is 1 unless all are ready."""
    from infra.cluster.display import print_status  # noqa: PLC0415
    from infra.cluster.kept import State  # noqa: PLC0415

    found = _cluster(only, folder, lambda *_: None).status()
    if as_json:
        typer.echo(msgspec.json.encode([one._asdict() for one in found]).decode())
    else:
        print_status(found, sys.stdout)
    raise typer.Exit(any(one.state is not State.READY for one in found))


def _act(only: str | None, folder: Path | None, act: "Callable[[Cluster], None]") -> None:
    # Imported here: the other commands start faster without it.
    from infra.cluster.cluster import ClusterFailed, ForeignFolder  # noqa: PLC0415
    from infra.cluster.display import StepDisplay  # noqa: PLC0415

    try:
        with StepDisplay(sys.stdout) as display:
            act(_cluster(only, folder, display.report))
    except (ClusterFailed, ForeignFolder) as error:
        fail(str(error))


def _cluster(only: str | None, folder: Path | None, report: "Report") -> "Cluster":
    from infra.cluster.cluster import NAMES, Cluster  # noqa: PLC0415
    from infra.cluster.ports import ports_from  # noqa: PLC0415

    settings = load_or_exit()
    names = NAMES if only is None else tuple(name.strip() for name in only.split(","))
    unknown = set(names) - set(NAMES)
    if unknown:
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))}: the engines are {', '.join(NAMES)}"
        )
    return Cluster(
        folder or settings.data_path / "cluster",
        cache=settings.cluster_cache_path,
        ports=ports_from(settings.cluster_base_port),
        report=report,
        only=names,
    )
