"""The cluster profile on one machine: ratios inside one run, printed as a table and kept as JSON.

python -m tests.bench.cluster [--quick] [--apart] [--json FILE]

Starts the engines, a serving process and a process with all workers; everything shares the cores.
"""

import argparse
import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

import orjson
import uvloop

from infra.engines import Engines, engines_of
from infra.profiles.workers import NAMES
from infra.redis.client import RedisClient
from infra.redis.client import client as redis_client
from infra.settings import Settings
from tests.bench import bench_worker, cluster_commands, cluster_pages
from tests.bench.asking import tweet, tweets
from tests.bench.bench_visible import tell
from tests.bench.cluster_town import READERS, THRESHOLD, Town, drained, settled
from tests.bench.figures import Figure, Figures, table
from tests.bench.load import CLIENTS, Load, load_on, request
from tests.bench.plan import QUICK, WHOLE, Plan
from tests.bench.process import Process, Server, started
from tests.bench.world import texts
from tests.blackbox.server import PROGRAM
from tests.cluster import local

SHARES: Final = (0.25, 0.5, 1.0)
POLL_S, PAUSE_S, SETTLE_S = 0.002, 0.03, 1.0
# How many steps of the plan each load lasts: beside a full one few tweets are seen in a second.
VISIBLE_STEPS: Final = 5
CACHED: Final = 800
INTAKE_EVENTS: Final = 30_000


async def measure(
    figures: Figures,
    plan: Plan,
    server: Server,
    workers: Mapping[str, Process],
    environ: Mapping[str, str],
) -> None:
    """Everything, on a server whose workers run."""
    namespace = environ["STARLING_NAMESPACE"]
    async with load_on(server.address) as load, redis_client(_engines().redis) as redis:
        town = await settled(load)
        await drained(load, town)
        await cluster_pages.pulled(redis, namespace)
        await cluster_pages.measure(figures, plan, server, load, town)
        await cluster_pages.alone(figures, load, town, redis)
        burst = await cluster_commands.burst(figures, plan, server, workers, load, town)
        await cluster_commands.against_kafka(figures, burst, _engines().kafka, environ)
        await cluster_commands.kinds(figures, plan, server, load, town)
        await drained(load, town)
        await _visible(figures, plan, server, load, town, burst)
        await _kept_ready(figures, redis, namespace)


async def _kept_ready(figures: Figures, redis: RedisClient, namespace: str) -> None:
    """What Redis keeps for a cached timeline of about CACHED entries."""
    kept: list[tuple[int, int]] = []
    async for key in redis.scan_iter(match=f"{namespace}*home_timelines*:cache:*", count=1_000):
        kept.append((await redis.llen(key), await redis.memory_usage(key, samples=0) or 0))
    entries, used = min(kept, key=lambda one: abs(one[0] - CACHED))
    each = used / max(entries, 1)
    note = f"{each:.1f} bytes each, of one of {entries:,} entries"
    figures.add(
        Figure(f"Redis for a cached timeline of {CACHED}", CACHED * each, "bytes", note=note)
    )


async def _visible(
    figures: Figures, plan: Plan, server: Server, load: Load, town: Town, burst: float
) -> None:
    async with load_on(server.address, clients=1) as watching:
        tell(figures, "on the engines, idle", await _seen(watching, town, plan.seen))
        for share in SHARES:
            rate = burst * share
            seconds = SETTLE_S + VISIBLE_STEPS * plan.step_s
            others = asyncio.create_task(load.at_rate(tweets(town.authors), rate, seconds))
            await asyncio.sleep(SETTLE_S)
            seen = await _seen(watching, town, plan.seen, others)
            await others
            tell(figures, f"beside {rate:,.0f} tweets/s", seen)
            await drained(load, town)


async def _seen(
    load: Load, town: Town, count: int, until: "asyncio.Task[Any] | None" = None
) -> list[float]:
    """Seconds from a tweet's acknowledgement until one of its followers sees it."""
    said, lot, taken = texts(), random.Random(7), []
    for _ in range(count):
        if until is not None and until.done():
            break
        reader = lot.randrange(READERS)
        author = lot.choice(town.follows[reader])
        posted = await load.ask(tweet(town.authors[author], next(said)))
        acknowledged = perf_counter()
        post_id = int(orjson.loads(posted.body)["id"])
        wanted = b'{"items":[{"item_id":"%d"' % post_id
        path = f"/v1/timelines/home?limit=1&max_id={post_id + 1}"
        newest = request("GET", path, town.readers[reader])
        while not (await load.ask(newest)).body.startswith(wanted):
            await asyncio.sleep(POLL_S)
        taken.append(perf_counter() - acknowledged)
        await asyncio.sleep(PAUSE_S)
    return taken


def _engines() -> Engines:
    return engines_of(Settings(cluster_port=str(local.shared().base_port)))


@asynccontextmanager
async def _installed(
    folder: Path, environ: Mapping[str, str], groups: Sequence[str]
) -> AsyncIterator[tuple[Server, Mapping[str, Process]]]:
    """A server, and a process for each of these groups of workers."""
    workers = {}
    settings = {**environ, "STARLING_DATA": str(folder / "serve")}
    try:
        for group in groups:
            own = {**environ, "STARLING_DATA": str(folder / group)}
            workers[group] = await asyncio.create_subprocess_exec(PROGRAM, "worker", group, env=own)
        watched = {group: Process(worker.pid) for group, worker in workers.items()}
        async with started("tests.bench.cluster_serving", settings) as server:
            yield server, watched
    finally:
        for worker in workers.values():
            worker.terminate()
        for worker in workers.values():
            await worker.wait()


async def run(figures: Figures, plan: Plan, folder: Path, groups: Sequence[str]) -> None:
    """Everything on engines that are up."""
    environ = {
        **os.environ,
        "STARLING_PROFILE": "cluster",
        "STARLING_CLUSTER_PORT": str(local.shared().base_port),
        "STARLING_NAMESPACE": f"bench{os.getpid()}",
        "STARLING_PARTITIONS": "8",
        "STARLING_FANOUT_THRESHOLD": str(THRESHOLD),
        "STARLING_RATE_LIMITS": "off",
        "STARLING_ARGON2_COST": "lowest",
        "STARLING_LOG_LEVEL": "error",
    }
    async with _installed(folder, environ, groups) as (server, workers):
        await measure(figures, plan, server, workers, environ)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cluster", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short turns, for a first look")
    parser.add_argument("--json", type=Path, default=Path("bench-cluster.json"))
    parser.add_argument("--apart", action="store_true", help="a process for each worker")
    asked = parser.parse_args()
    figures = Figures()
    local.shared().up()
    try:
        with TemporaryDirectory(prefix="starling-bench-") as scratch:
            asyncio.run(bench_worker.measure(figures, _engines().kafka, INTAKE_EVENTS))
            plan = QUICK if asked.quick else WHOLE
            uvloop.run(run(figures, plan, Path(scratch), NAMES if asked.apart else ("all",)))
    finally:
        local.stop(str(local.run_number()))
    print("\n" + table(figures.all))
    figures.write(asked.json)
    sys.stdout.write(f"\nAll figures: {asked.json}; {CLIENTS} clients\n")


if __name__ == "__main__":
    main()
