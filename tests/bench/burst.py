"""Bursts: lag grows and goes, nothing is lost, reads are answered all the while.

python -m tests.bench.burst [--quick] [--json FILE] [--profiles embedded,cluster]

Two of them: the real minute of 4 July 2012 in which 20 times as many people tweeted as in the mean
of that week, run faster so that its peak is more than the server can take; and 25 times as many
commands, all at once, on top of half a load. Whatever is lost, reads that fail or take longer than
clients wait, and memory beyond a bound are errors.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import uvloop

from tests.bench import burst_plan
from tests.bench.asking import homes, shuffled
from tests.bench.burst_load import Due, Sample, behind_on, sender_on, watched
from tests.bench.burst_places import Place, cluster, embedded
from tests.bench.burst_plan import QUARTER, QUICK, STEP, WHOLE, Size
from tests.bench.burst_town import Town, town_on
from tests.bench.figures import Curve, Figure, Figures
from tests.bench.load import CLIENTS, Address, Load, Taken, load_on
from tests.cluster import local

PROFILES: Final = {"embedded": embedded, "cluster": cluster}
READ_SLICE_S: Final = 1.0
# Clients give up after this.
READ_MAX_S: Final = 10.0
GROWN_MAX_BYTES: Final = 256 * 2**20
DRAINED_S: Final = 300.0


class Bench:
    """One profile with its town."""

    def __init__(self, figures: Figures, size: Size, place: Place, town: Town, load: Load) -> None:
        self._figures = figures
        self._size = size
        self._place = place
        self._town = town
        self._load = load
        self.broken: list[str] = []

    async def measure(self) -> None:
        """What it can take, then both bursts."""
        reads, commands = await self._reads_per_s(), await self._commands_per_s()
        self._tell("home pages", reads, "/s")
        self._tell("commands until all projections have them", commands, "/s")
        dues = burst_plan.higgs(self._town, self._size, commands)
        await self._burst("higgs", "The peak of July 4, 2012", dues, reads * QUARTER)
        dues = burst_plan.step(self._town, self._size, commands)
        await self._burst("step", f"{STEP} times as many commands", dues, reads * QUARTER)

    async def _reads_per_s(self) -> float:
        pages = homes([reader.token for reader in self._town.readers])
        await self._load.each_once(pages)
        return (await self._load.flat_out(shuffled(pages), self._size.flat_out_s)).per_s

    async def _commands_per_s(self) -> float:
        """With what the projections need for them."""
        began, number = perf_counter(), int(self._size.flat_out_s * 600)
        async with sender_on(self._address, CLIENTS, self._town.heard) as sender:
            await sender.send(burst_plan.at_once(self._town, number))
        await drained(self._load)
        return number / (perf_counter() - began)

    async def _burst(self, plot: str, title: str, dues: Sequence[Due], reads_per_s: float) -> None:
        acknowledged, refused = self._town.acknowledged, self._town.refused
        before = (await behind_on(self._load))[1] + self._place.worker_bytes()
        async with (
            sender_on(self._address, CLIENTS, self._town.heard) as sender,
            load_on(self._address) as reading,
        ):
            sending = asyncio.create_task(sender.send(dues))
            watching = asyncio.create_task(watched(self._load, sender, sending))
            reads = await self._read(reading, reads_per_s, watching)
            samples = await watching
        grown = max(one.bytes for one in samples) + self._place.worker_bytes() - before
        late = sum(one > READ_MAX_S for one in reads.seconds)
        checked = await self._town.check(self._load)
        made = self._town.acknowledged - acknowledged
        self._must(made + self._town.refused - refused == len(dues), f"{title}: no answer")
        self._must(reads.failed + late == 0, f"{title}: {reads.failed} reads failed, {late} late")
        self._must(grown < GROWN_MAX_BYTES, f"{title}: {grown / 2**20:.0f} MiB more")
        self._tell(f"{title}: commands acknowledged", made, "", f"of {len(dues):,}")
        self._tell("  and found where they must be, with what was there", checked, "entries")
        self._tell_lag(samples, dues)
        note = f"max {reads.quantile_ms(1):,.0f} ms, {reads.answers:,} at {reads_per_s:,.0f}/s"
        self._tell("  home pages meanwhile, p99", reads.quantile_ms(0.99), "ms", note)
        self._tell("  memory grew by", grown / 2**20, "MiB")
        self._draw(plot, title, samples)

    def _tell_lag(self, samples: Sequence[Sample], dues: Sequence[Due]) -> None:
        self._tell("  commands waiting, at most", max(one.unanswered for one in samples), "")
        self._tell("  projections behind, at most", max(one.behind for one in samples), "events")
        last = max(one.at_s for one in samples if one.unanswered or one.behind)
        self._tell("  all is done after the last one was due", last - dues[-1].at_s, "s")

    def _draw(self, plot: str, title: str, samples: Sequence[Sample]) -> None:
        lines = (
            ("commands waiting", [(round(one.at_s, 2), one.unanswered) for one in samples]),
            ("events not projected", [(round(one.at_s, 2), one.behind) for one in samples]),
        )
        for line, points in lines:
            profile = self._place.profile
            curve = Curve(
                f"lag_{plot}_{profile}",
                f"{title}, {profile} profile",
                line,
                "seconds",
                "events",
                points,
            )
            self._figures.curves.append(curve)

    async def _read(
        self, load: Load, per_s: float, watching: "asyncio.Task[list[Sample]]"
    ) -> Taken:
        """As long as it goes on."""
        page = shuffled(homes([reader.token for reader in self._town.readers]))
        taken = Taken()
        while not watching.done():
            some = await load.at_rate(page, per_s, READ_SLICE_S)
            taken.seconds.extend(some.seconds)
            taken.failed += some.failed
        return taken

    @property
    def _address(self) -> Address:
        return self._place.server.address

    def _must(self, kept: bool, told: str) -> None:
        if not kept:
            self.broken.append(f"{self._place.profile}: {told}")

    def _tell(self, name: str, value: float, unit: str, note: str = "") -> None:
        told = name if name.startswith(" ") else f"{self._place.profile}: {name}"
        self._figures.add(Figure(told, value, unit, note=note))


async def drained(load: Load) -> None:
    """Wait until every projection has what the log has."""
    async with asyncio.timeout(DRAINED_S):
        while (await behind_on(load))[0]:
            await asyncio.sleep(0.05)


async def run(
    figures: Figures, sizes: Mapping[str, Size], folder: Path, profiles: Sequence[str]
) -> list[str]:
    """What was promised and not kept."""
    broken = []
    for profile in profiles:
        async with (
            PROFILES[profile](folder / profile) as place,
            load_on(place.server.address) as load,
        ):
            town = await town_on(load)
            await drained(load)
            bench = Bench(figures, sizes[profile], place, town, load)
            await bench.measure()
            broken += bench.broken
    return broken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.burst", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, for a first look")
    parser.add_argument("--json", type=Path, default=Path("bench-burst.json"))
    parser.add_argument("--profiles", default=",".join(PROFILES), help="of " + ", ".join(PROFILES))
    asked = parser.parse_args()
    profiles, figures = asked.profiles.split(","), Figures()
    if "cluster" in profiles:
        local.shared().up()
    try:
        with TemporaryDirectory(prefix="starling-bench-") as scratch:
            sizes = dict.fromkeys(PROFILES, QUICK) if asked.quick else WHOLE
            broken = uvloop.run(run(figures, sizes, Path(scratch), profiles))
    finally:
        local.stop(str(local.run_number()))
    figures.write(asked.json)
    if broken:
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
