"""The command line: `starling serve`, `import`, `projections`, `log`, `settings`, `admin`."""

import typer

from infra.cli import serve, settings

app = typer.Typer(
    name="starling",
    help="The event-sourced engine for social feeds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve")(serve.serve)
app.command("settings")(settings.show)


def main() -> None:
    """The `starling` program."""
    app()
