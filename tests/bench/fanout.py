"""Fan-out: from a topic through a Faust worker into home timelines in Redis, and what parts cost.

python -m tests.bench.fanout [--quick] [--json FILE] [--parts growth,memory,...]
    [--redis URL]

Starts Kafka and Redis (or takes those of STARLING_TEST_CLUSTER); everything shares the cores. A
figure of deliveries counts only if the homes are those of a model afterwards.
"""

import argparse
import asyncio
import math
import os
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple

import msgspec

from infra.redis.client import client
from infra.redis.home_timelines import DEPTH, RedisHomeTimelines
from tests.bench import fanout_curves
from tests.bench.fanout_costs import Costs, used_cpu_s
from tests.bench.fanout_curves import Curves, Growth, Homes
from tests.bench.fanout_memory import Memory
from tests.bench.fanout_topic import Topic, topic
from tests.bench.fanout_town import Graph, Town, higgs, synthetic
from tests.bench.figures import Figure, Figures, table
from tests.cluster import local
from tests.facts import NOON_MS

PARTS: Final = ("growth", "memory", "deliveries", "costs", "fairness")
THRESHOLD: Final = 1_000


class Size(NamedTuple):
    """How long it is measured."""

    readers: int
    rounds: int
    posts: int
    followers: int
    growth: Growth


WHOLE: Final = Size(
    readers=10_000, rounds=5, posts=8_000, followers=1_000_000, growth=fanout_curves.WHOLE
)
QUICK: Final = Size(
    readers=4_000, rounds=3, posts=4_000, followers=200_000, growth=fanout_curves.QUICK
)


class Bench:
    """Stores in namespaces of this run."""

    def __init__(self, figures: Figures, size: Size, redis: Any) -> None:
        self._figures = figures
        self._size = size
        self._redis = redis

    async def deliveries(self, graph: Graph, each: int, through: Topic) -> None:
        """A graph, `each` author of which has posted so often before."""
        async with self._store(graph.name) as (store, name), self._store("bare") as (_, bare):
            town = Town(graph, store, self._redis, name)
            before = await self._used_bytes()
            await town.fill(each)
            await self._tell_town(town, await self._used_bytes() - before)
            await town.copy_to(bare)
            rounds = [await self._round(town, bare, through) for _ in range(self._size.rounds)]
            self._tell_rounds(graph.name, rounds)
            await self._rebuilt(town, median(one.bare for one in rounds))
            note = f"{await town.check():,} entries compared with the model"
            self._figures.add(Figure("  homes are right", 1, "", note=note))

    async def growth(self) -> None:
        """How costs grow."""
        curves = Curves(self._figures, self._size.growth)
        async with self._store("delivery") as (store, name):
            await curves.per_delivery(Costs(self._figures, store, self._redis, name))
        async with self._store("page") as (store, name):
            costs = Costs(self._figures, store, self._redis, name)
            await curves.per_page(costs, store, Homes(self._redis, name))

    async def memory(self) -> None:
        """What everything takes."""
        async with self._store("memory") as (store, name):
            costs = Costs(self._figures, store, self._redis, name)
            await Memory(self._figures, costs, self._redis).measure()

    async def costs(self) -> None:
        """Single doings."""
        async with self._store("costs") as (store, name):
            costs = Costs(self._figures, store, self._redis, name)
            await costs.cold_reader()
            pulling = self._opened(name, THRESHOLD)
            await costs.pulled_page(pulling, THRESHOLD)
            await pulling.close()

    async def fairness(self) -> None:
        """A post to very many."""
        async with self._store("fairness") as (store, name):
            await Costs(self._figures, store, self._redis, name).fairness(self._size.followers)

    async def _round(self, town: Town, bare: str, through: Topic) -> "Round":
        """A bare script for each post, batches of the store, a worker: deliveries a second."""
        alone = town.posts(self._size.posts // 8)
        alone_s = await _timed(town.push_bare(bare, alone))
        town.forget(alone)
        applied = town.posts(self._size.posts)
        cpu_s = await used_cpu_s(self._redis)
        applied_s = await _timed(town.apply(applied))
        cpu_s = await used_cpu_s(self._redis) - cpu_s
        worked = town.posts(self._size.posts)
        await through.produce(worked)
        worked_s = await through.work(town.store, len(worked))
        return Round(
            town.deliveries(alone) / alone_s,
            town.deliveries(applied) / applied_s,
            town.deliveries(worked) / worked_s,
            cpu_s / town.deliveries(applied) * 1e6,
            len(worked) / worked_s,
        )

    def _tell_rounds(self, name: str, rounds: "list[Round]") -> None:
        add, bare = self._figures.add, median(one.bare for one in rounds)
        add(Figure(f"{name}: one script call for each post", bare, "deliveries/s"))
        for what, values, aim in (
            ("batches of 500, no worker", [(one.applied, one.bare) for one in rounds], None),
            ("topic, worker, Redis", [(one.worked, one.bare) for one in rounds], 0.8),
        ):
            ratio = median(value / limit for value, limit in values)
            value = median(value for value, _ in values)
            add(Figure(f"  {what}", value, "deliveries/s", "the script calls", ratio, aim))
        add(Figure("  a delivery, batches", median(one.cpu_us for one in rounds), "us of Redis"))
        add(Figure("  tweets through the worker", median(one.tweets for one in rounds), "/s"))

    async def _rebuilt(self, town: Town, bare: float) -> None:
        """Entries a second of homes that are built anew, against deliveries."""
        async with self._store(f"{town.graph.name}_anew") as (store, name):
            took_s = await _timed(town.rebuild(store))
            keys = [town.key("cache", reader, name) for reader in town.follows]
            entries = sum([await self._redis.llen(key) for key in keys])
        ratio = entries / took_s / bare
        note = f"{entries:,} entries, with posts and follows"
        figure = Figure("  homes built anew", ratio * bare, "entries/s", "the script calls", ratio)
        self._figures.add(msgspec.structs.replace(figure, aim=0.8, note=note))

    async def _tell_town(self, town: Town, used: int) -> None:
        note = f"a reader follows {town.mean_followed:.0f} in the mean"
        self._figures.add(Figure(f"{town.graph.name}: readers", len(town.follows), "", note=note))
        note = f"everything of the town is {used / len(town.follows) / 1e3:.1f} kB for each reader"
        entry = await self._bytes_an_entry(town)
        self._figures.add(Figure("  bytes of an entry", entry, "bytes", aim=12, note=note))

    async def _bytes_an_entry(self, town: Town) -> float:
        """Lists and what is noted about them, with Redis's own overhead, of some readers."""
        used = entries = 0
        for reader in [*town.follows][:200]:
            for what in ("cache", "about"):
                key = town.key(what, reader)
                used += await self._redis.memory_usage(key, samples=0) or 0
            entries += await self._redis.llen(town.key("cache", reader))
        return used / entries

    @asynccontextmanager
    async def _store(self, name: str) -> AsyncIterator[tuple[RedisHomeTimelines, str]]:
        namespace = f"bench_fanout_{os.getpid()}_{name}"
        store = self._opened(namespace, math.inf)
        await store.create()
        try:
            yield store, namespace
        finally:
            await store.drop()

    def _opened(self, namespace: str, threshold: float) -> RedisHomeTimelines:
        return RedisHomeTimelines(
            self._redis, namespace, threshold=threshold, now_ms=lambda: NOON_MS, depth=DEPTH
        )

    async def _used_bytes(self) -> int:
        return int((await self._redis.info("memory"))["used_memory"])


class Round(NamedTuple):
    """Deliveries a second, what one cost Redis, and the worker's tweets a second."""

    bare: float
    applied: float
    worked: float
    cpu_us: float
    tweets: float


async def _timed(doing: Any) -> float:
    began = perf_counter()
    await doing
    return perf_counter() - began


async def run(
    figures: Figures, size: Size, folder: Path, parts: Collection[str], url: str | None
) -> None:
    ports = local.shared().ports
    async with AsyncExitStack() as opened:
        redis = client(url or f"redis://127.0.0.1:{ports.redis}/0")
        opened.push_async_callback(redis.aclose)
        bench = Bench(figures, size, redis)
        if "growth" in parts:
            await bench.growth()
        if "memory" in parts:
            await bench.memory()
        if "costs" in parts:
            await bench.costs()
        if "fairness" in parts:
            await bench.fairness()
        if "deliveries" in parts:
            for graph, each in ((synthetic(size.readers), 64), (higgs(), 2)):
                async with topic(f"127.0.0.1:{ports.kafka}", folder, graph.name) as through:
                    await bench.deliveries(graph, each, through)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fanout", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller and shorter")
    parser.add_argument("--json", type=Path, default=Path("bench-fanout.json"))
    parser.add_argument("--redis", help="another Redis than the cluster's")
    parser.add_argument("--parts", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    asked = parser.parse_args()
    figures = Figures()
    local.shared().up()
    try:
        with TemporaryDirectory(prefix="starling-bench-") as scratch:
            size = QUICK if asked.quick else WHOLE
            asyncio.run(run(figures, size, Path(scratch), asked.parts.split(","), asked.redis))
    finally:
        local.stop(str(local.run_number()))
    print("\n" + table(figures.all))
    figures.write(asked.json)


if __name__ == "__main__":
    main()
