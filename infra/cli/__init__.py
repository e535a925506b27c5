"""The command line: `starling serve`, `import`, `projections`, `replay`, `log`, `settings`,
`admin`, `cluster`."""

import typer

from infra import interpreter
from infra.cli import admin, cluster, importing, log, projections, replay, serve, settings, worker

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
app.command("rollback")(replay.rollback)
app.command("worker")(worker.worker)
projections.app.command("prune")(replay.prune)
app.add_typer(projections.app, name="projections")
app.add_typer(log.app, name="log")
app.add_typer(admin.app, name="admin")
app.add_typer(cluster.app, name="cluster")


def main() -> None:
    """The `starling` program."""
    interpreter.tune()
    app()
