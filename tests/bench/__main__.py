"""The whole bench in one run: ratios inside the run, printed as a table and kept as JSON.

python -m tests.bench [--only commands,home,visible,ceiling,import] [--quick] [--world FOLDER]
"""

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop

from infra import interpreter
from tests.bench import bench_commands, bench_home, bench_import, bench_visible
from tests.bench.asking import in_turn
from tests.bench.figures import Figure, Figures, table
from tests.bench.load import load_on, request
from tests.bench.plan import QUICK, WHOLE, Bench
from tests.bench.process import serving
from tests.bench.world import World, world_in

PARTS: Final = ("ceiling", "home", "commands", "visible", "import")
RATE_UNKNOWN: Final = 800.0
# Not the usual temporary folder, which may be in memory.
_VAR_TMP: Final = Path("/var/tmp")  # noqa: S108 - temporary_directory makes its own name in it
ON_DISK: Final = _VAR_TMP if _VAR_TMP.is_dir() else None


async def run(bench: Bench, parts: list[str]) -> None:
    """The parts in their order. Reads come first: the writes make the folder another one."""
    if "ceiling" in parts:
        await _ceiling(bench)
    if "home" in parts:
        await bench_home.measure(bench)
    rate = RATE_UNKNOWN
    if "commands" in parts:
        rate = await bench_commands.measure(bench)
    if "visible" in parts:
        await bench_visible.measure(bench, rate)
    if "import" in parts:
        lines = bench_import.QUICK_LINES if bench.plan is QUICK else bench_import.WHOLE
        await bench_import.measure(bench.figures, lines=lines)


async def _ceiling(bench: Bench) -> None:
    async with (
        serving(bench.folder, "tests.bench.ceiling") as server,
        load_on(server.address) as load,
    ):
        taken = await load.flat_out(in_turn([request("GET", "/")]), bench.plan.turn_s)
    bench.figures.add(Figure("What the load generator can take", taken.per_s, "/s"))


def main() -> None:
    asked = _parser().parse_args()
    interpreter.tune()  # as whoever imports does
    parts = asked.only.split(",")
    if not set(parts) <= set(PARTS):
        sys.exit(f"There is no such part; there are {', '.join(PARTS)}")
    with TemporaryDirectory(prefix="starling-bench-", dir=asked.folder) as scratch:
        made = asked.world or Path(scratch) / "world"
        world = world_in(made, _say)
        folder = Path(scratch) / "measured"
        shutil.copytree(made, folder) if asked.world else made.rename(folder)
        figures = Figures()
        _about(world, figures)
        plan = QUICK if asked.quick else WHOLE
        uvloop.run(run(Bench(folder, world, plan, figures), parts))
    print("\n" + table(figures.all))
    figures.write(asked.json)
    print(f"\nAll figures: {asked.json}")


def _about(world: World, figures: Figures) -> None:
    per_s = world.events / world.import_s
    figures.add(Figure("Graph and posts imported", per_s, "events/s", note=f"{world.events:,}"))
    figures.add(Figure("Projections caught up", world.events / world.catch_up_s, "events/s"))


def _say(line: str) -> None:
    sys.stderr.write(f"\r\033[K{line}" if sys.stderr.isatty() else "")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated parts")
    parser.add_argument("--quick", action="store_true", help="short turns, for a first look")
    parser.add_argument("--world", type=Path, help="a folder that keeps the imported world")
    parser.add_argument("--folder", type=Path, default=ON_DISK, help="where to measure")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where to write")
    return parser


if __name__ == "__main__":
    main()
