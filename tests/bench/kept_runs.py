"""The page of the runs that are kept: every figure and every plot, as the bench wrote them.

python -m tests.bench.kept_runs [FOLDER]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.bench.capacity import RUNS
from tests.bench.figures import Figure

# A run's file: which command wrote it.
COMMANDS: Final = {
    "embedded": "make bench",
    "cluster": "make bench-cluster",
    "replay": "make bench-replay",
    "fanout": "make bench-fanout",
    "burst": "make bench-burst",
}
HEAD: Final = """\
# The runs that are kept

Made by `make bench-docs` from the JSON beside it. A ratio is to a limit of the same run; figures
of processor time bear other work on the machine better than figures per second.
"""


def page_of(folder: Path = RUNS) -> str:
    """All runs of the folder."""
    runs = [path for name in COMMANDS if (path := folder / f"{name}.json").exists()]
    return "\n".join([HEAD, *(line for path in runs for line in _section(path))])


def _section(path: Path) -> Iterator[str]:
    run = msgspec.json.decode(path.read_bytes())
    yield f"## `{COMMANDS[path.stem]}`\n"
    yield f"{_machine(run['machine'])}\n"
    yield "| what | figure | against | aim | note |\n|---|---|---|---|---|"
    yield from (_row(msgspec.convert(figure, Figure)) for figure in run["figures"])
    yield ""
    titles = {curve["plot"]: curve["title"] for curve in run.get("curves", ())}
    yield from (f"![{title}]({plot}.svg)\n" for plot, title in titles.items())


def _machine(about: dict[str, Any]) -> str:
    return (
        f"{about['cores']} cores ({about['processor']}), Python {about['python']}, "
        f"SQLite {about['sqlite']}; load before: {about['load_before'][0]:.1f}."
    )


def _row(figure: Figure) -> str:
    digits = 0 if abs(figure.value) >= 100 or figure.value == int(figure.value) else 1
    indented = figure.name.startswith(" ")
    name = f"&emsp;{figure.name.strip()}" if indented else figure.name
    against = "" if figure.ratio is None else f"{figure.ratio:.2f} of {figure.against}"
    aim = "" if figure.aim is None else f"{figure.aim:g}"
    value = f"{figure.value:,.{digits}f} {figure.unit}".strip()
    return f"| {name} | {value} | {against} | {aim} | {figure.note} |"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    (folder / "README.md").write_text(page_of(folder), "utf-8")


if __name__ == "__main__":
    main()
