"""Replays: how fast projections are built anew, on both profiles.

python -m tests.bench.replay [--events 20000] [--rounds 3] [--json bench-replay.json]
    [--profiles embedded,cluster]

Starts the engines; nothing else runs meanwhile, and everything shares the cores.
"""

import argparse
import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from infra import interpreter
from infra.settings import Settings
from tests.bench import bench_replay, cluster_replay
from tests.bench.figures import Figures, table
from tests.cluster import local

PROFILES: Final = ("embedded", "cluster")
PARTITIONS: Final = "4"


def on_files(figures: Figures, events: int, rounds: int) -> None:
    """The embedded profile."""
    with TemporaryDirectory(prefix="starling-bench-") as scratch:
        asyncio.run(bench_replay.measure(figures, Path(scratch) / "data", events, rounds))


def on_engines(figures: Figures, events: int, rounds: int) -> None:
    """The cluster profile."""
    local.shared().up()
    try:
        settings = Settings(
            profile="cluster",
            cluster_port=str(local.shared().base_port),
            namespace=f"bench{os.getpid()}",
            partitions=PARTITIONS,
        )
        asyncio.run(cluster_replay.measure(figures, settings, events, rounds))
    finally:
        local.stop(str(local.run_number()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replay", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("bench-replay.json"))
    parser.add_argument("--profiles", default=",".join(PROFILES))
    asked = parser.parse_args()
    interpreter.tune()  # as whoever replays does
    figures = Figures()
    for profile, measure in zip(PROFILES, (on_files, on_engines), strict=True):
        if profile in asked.profiles.split(","):
            measure(figures, asked.events, asked.rounds)
    print("\n" + table(figures.all))
    figures.write(asked.json)


if __name__ == "__main__":
    main()
