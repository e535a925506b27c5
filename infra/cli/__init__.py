"""The command line: `starling serve`, `import`, `projections`, `replay`, `verify`, `erase`,
`export`, `dead-letters`, `log`, `settings`, `admin`, `cluster`."""

import sqlite3
import sys

import typer

from infra import interpreter
from infra.cli import (
    admin,
    cluster,
    dead_letters,
    erase,
    export,
    generations,
    importing,
    log,
    projections,
    replay,
    serve,
    settings,
    steering,
    verify,
    worker,
)

app = typer.Typer(
    name="starling",
    help="The event-sourced engine for social feeds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve")(serve.serve)
app.command("settings")(settings.show)
app.command("import")(importing.import_files)
app.command("replay")(replay.replay)
app.command("rollback")(generations.rollback)
app.command("verify")(verify.verify)
app.command("erase")(erase.erase)
app.command("export")(export.export)
app.command("worker")(worker.worker)
projections.app.command("prune")(generations.prune)
projections.app.command("pause")(steering.pause)
projections.app.command("resume")(steering.resume)
projections.app.command("throttle")(steering.throttle)
projections.app.command("cancel")(steering.cancel)
app.add_typer(projections.app, name="projections")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(log.app, name="log")
app.add_typer(admin.app, name="admin")
app.add_typer(cluster.app, name="cluster")


def main() -> None:
    """The `starling` program. What the machine refuses it (a folder, a file, an address) is told
    in a line, as what it refuses itself is: exit status 1."""
    interpreter.tune()
    try:
        app()
    except OSError as error:
        sys.exit(f"starling: {error}")
    except sqlite3.Error as error:
        sys.exit(f"starling: A file in the data folder cannot be used: {error}")
