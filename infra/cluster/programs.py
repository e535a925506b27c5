"""Programs that run to their end: Maven, the engines' own tools. Their output is kept."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

TAIL_LINES: Final = 15


class ProgramFailed(Exception):
    """A program ended badly or took too long; the message has its last lines."""


class Missing(Exception):
    """This machine lacks something that an engine needs; the message says what to do."""


def run(
    argv: Sequence[str],
    *,
    log: Path,
    timeout_s: float,
    typed: str = "",
) -> None:
    """Run it to its end, with its output at the end of `log`. Raises ProgramFailed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            ended = subprocess.run(  # noqa: S603 - the programs are ours to choose
                argv,
                input=typed.encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProgramFailed(
                f"{argv[0]} took longer than {timeout_s:.0f} s\n{tail(log)}"
            ) from error
    if ended.returncode != 0:
        raise ProgramFailed(f"{argv[0]} ended with {ended.returncode}\n{tail(log)}")


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, and where it is."""
    try:
        text = log.read_bytes()[-16_384:].decode(errors="replace")
    except FileNotFoundError:
        text = ""
    last = "\n".join(f"  {line}" for line in text.splitlines()[-lines:])
    return f"{last}\n  ({log})" if last else f"  ({log} is empty)"
