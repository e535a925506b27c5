"""`starling worker`: processes of the cluster profile that fill projections and keep the log."""

import asyncio
import logging
from typing import Annotated

import typer

from infra import interpreter
from infra.cli.asking import fail
from infra.cli.settings import load_or_exit


def worker(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...|all", help="Projections, or relay, registers, archive"),
    ],
) -> None:
    """Run workers of the cluster profile in one process."""
    settings = load_or_exit()
    if settings.profile != "cluster":
        typer.echo(
            f"starling: {' '.join(names)}: workers belong to the cluster profile; "
            "the embedded profile runs every projection inside `starling serve`",
            err=True,
        )
        raise typer.Exit(2)
    # Imported here: they need the clients of the engines, which the embedded profile has not got.
    import uvloop  # noqa: PLC0415

    from infra import json_logs  # noqa: PLC0415
    from infra.profiles import workers  # noqa: PLC0415

    wanted = list(workers.NAMES) if names == ["all"] else list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in workers.NAMES]
    if unknown:
        fail(f"There is no worker {unknown[0]}: {', '.join(workers.NAMES)}")
    interpreter.tune(answers=True)
    json_logs.configure(settings.log_level)
    # For Faust's threads too, which have a loop each.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(workers.work(settings, wanted))
    except Exception:
        logging.getLogger("starling").critical("A worker ended", exc_info=True)
        raise typer.Exit(1) from None
