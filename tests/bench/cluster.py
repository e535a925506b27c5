"""The cluster profile on one machine: ratios inside one run, printed as a table and kept as JSON.

python -m tests.bench.cluster [--quick] [--json FILE]

Starts the engines, a serving process and a process with all workers; everything shares the cores.
"""

import argparse
import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple

import orjson
import uvloop
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.engines import engines_of
from infra.redis.client import client as redis_client
from infra.settings import Settings
from tests.bench.asking import empty_gets, empty_posts, homes, shuffled, tweet, tweets
from tests.bench.bench_visible import tell
from tests.bench.figures import Figure, Figures, table
from tests.bench.load import CLIENTS, Load, load_on, request
from tests.bench.plan import QUICK, WHOLE, Plan
from tests.bench.process import Server, started
from tests.bench.rounds import compared, in_turns
from tests.bench.world import texts
from tests.blackbox.server import PROGRAM
from tests.cluster import local

PASSWORD: Final = "correct horse battery"
AUTHORS, READERS, FOLLOWED = 64, 300, 20
POSTS_EACH: Final = 25
RAW_RECORDS: Final = 20_000
ROUND_TRIPS: Final = 2_000
SHARES: Final = (0.25, 0.5, 1.0)
POLL_S, PAUSE_S, SETTLE_S = 0.002, 0.03, 1.0
DRAINED_S: Final = 120.0


class Town(NamedTuple):
    """Access tokens of people who post, and of people who follow FOLLOWED of them each."""

    authors: Sequence[str]
    readers: Sequence[str]
    follows: Sequence[Sequence[int]]


async def measure(figures: Figures, plan: Plan, server: Server, environ: dict[str, str]) -> None:
    """Everything, on a server whose workers run."""
    async with load_on(server.address) as load:
        town = await _town(load)
        await _drained(load, town)
        await _reads(figures, plan, server, load, town)
        burst = await _commands(figures, plan, server, load, town, environ)
        await _drained(load, town)
        await _visible(figures, plan, server, load, town, burst)
    await _kept_ready(figures, environ["STARLING_NAMESPACE"])


async def _town(load: Load) -> Town:
    people = [f"bench{number}" for number in range(AUTHORS + READERS)]
    accounts = [
        orjson.loads((await load.ask(_posted("/v1/accounts", handle))).body)["id"]
        for handle in people
    ]
    tokens = [
        orjson.loads((await load.ask(_posted("/v1/sessions", handle))).body)["access_token"]
        for handle in people
    ]
    authors, readers = tokens[:AUTHORS], tokens[AUTHORS:]
    lot = random.Random(3)
    follows = [lot.sample(range(AUTHORS), FOLLOWED) for _ in readers]
    await load.each_once(
        [
            request("PUT", f"/v1/accounts/{accounts[author]}/follow", token)
            for token, whom in zip(readers, follows, strict=True)
            for author in whom
        ]
    )
    said = texts()
    await load.each_once([tweet(token, next(said)) for token in authors for _ in range(POSTS_EACH)])
    return Town(authors, readers, follows)


def _posted(path: str, handle: str) -> bytes:
    return request("POST", path, body=orjson.dumps({"handle": handle, "password": PASSWORD}))


async def _drained(load: Load, town: Town) -> None:
    """Wait until every projection has what the log has."""
    async with asyncio.timeout(DRAINED_S):
        while True:
            ready = orjson.loads((await load.ask(request("GET", "/readyz"))).body)
            posted = await load.ask(tweet(town.authors[0], "drained?"))
            token = posted.header("consistency-token") or ""
            more = f"Consistency-Token: {token}\r\nPrefer: wait=5\r\n"
            answer = await load.ask(
                request("GET", "/v1/timelines/home", town.authors[0], b"", more)
            )
            if ready["state"] == "up" and answer.status == 200:
                return


async def _reads(figures: Figures, plan: Plan, server: Server, load: Load, town: Town) -> None:
    pages = homes(town.readers)
    await load.each_once(pages)
    limit, page = empty_gets(town.readers), shuffled(pages)
    pairs = await in_turns(
        server,
        lambda: load.flat_out(limit, plan.turn_s),
        lambda: load.flat_out(page, plan.turn_s),
        plan.rounds,
    )
    figures.add(compared("Home page of 20 posts, on the engines", "empty GET", pairs, None))
    one = await load.ask(pages[0])
    figures.add(Figure("  bytes of a page", len(one.body), "bytes"))
    alone = []
    for raw in pages:
        began = perf_counter()
        await load.ask(raw)
        alone.append(perf_counter() - began)
    bare = await _redis_round_trip()
    ratio = median(alone) / bare
    figures.add(
        Figure("Home page, one client alone", median(alone) * 1e3, "ms", "Redis round trip", ratio)
    )


async def _redis_round_trip() -> float:
    """Seconds, the median of many GETs one after the other."""
    redis = redis_client(engines_of(_settings()).redis)
    taken = []
    for _ in range(ROUND_TRIPS):
        began = perf_counter()
        await redis.get("bench")
        taken.append(perf_counter() - began)
    await redis.aclose()
    return median(taken)


async def _kept_ready(figures: Figures, namespace: str) -> None:
    """What Redis keeps for a reader whose home is kept ready: the lists that are longest now."""
    redis = redis_client(engines_of(_settings()).redis)
    kept: list[tuple[int, int]] = []
    async for key in redis.scan_iter(match=f"{namespace}*home_timelines*:cache:*", count=1_000):
        kept.append((await redis.llen(key), await redis.memory_usage(key, samples=0) or 0))
    await redis.aclose()
    entries, used = max(kept)
    note = f"{entries:,} entries, {used / max(entries, 1):.1f} bytes each"
    figures.add(Figure("Redis for a home kept ready", used, "bytes", note=note))


async def _commands(
    figures: Figures,
    plan: Plan,
    server: Server,
    load: Load,
    town: Town,
    environ: dict[str, str],
) -> float:
    limit, post = empty_posts(town.authors), tweets(town.authors)
    pairs = await in_turns(
        server,
        lambda: load.flat_out(limit, plan.turn_s),
        lambda: load.flat_out(post, plan.turn_s),
        plan.rounds,
    )
    note = "all workers beside it"
    found = compared("Tweets acknowledged, on the engines", "empty POST", pairs, None, note)
    figures.add(found)
    raw = await asyncio.to_thread(_raw_produce, environ)
    name = "  the same, against Kafka alone"
    figures.add(Figure(name, found.value, "/s", "raw produce", found.value / raw))
    return found.value


def _raw_produce(environ: dict[str, str]) -> float:
    """Records of a tweet's size a second, idempotent, acks=all, from one client."""
    servers = {"bootstrap.servers": engines_of(_settings()).kafka}
    topic, value = f"{environ['STARLING_NAMESPACE']}.raw", b"\x93" + b"x" * 400
    partitions = int(environ["STARLING_PARTITIONS"])
    admin = AdminClient({**servers})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result()
    producer = Producer({**servers, "enable.idempotence": True, "linger.ms": 1})
    began = perf_counter()
    for number in range(RAW_RECORDS):
        producer.produce(topic, value, str(number).encode(), headers=[("ce_type", b"bench.raw.v0")])
        producer.poll(0)
    producer.flush(60)
    return RAW_RECORDS / (perf_counter() - began)


async def _visible(
    figures: Figures, plan: Plan, server: Server, load: Load, town: Town, burst: float
) -> None:
    async with load_on(server.address, clients=1) as watching:
        tell(figures, "on the engines, idle", await _seen(watching, town, plan.seen))
        for share in SHARES:
            rate = burst * share
            seconds = SETTLE_S + plan.seen * PAUSE_S * 4
            others = asyncio.create_task(load.at_rate(tweets(town.authors), rate, seconds))
            await asyncio.sleep(SETTLE_S)
            seen = await _seen(watching, town, plan.seen, others)
            await others
            tell(figures, f"beside {rate:,.0f} tweets/s", seen)
            await _drained(load, town)


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


def _settings() -> Settings:
    return Settings(cluster_port=str(local.shared().base_port))


@asynccontextmanager
async def _installed(folder: Path, environ: dict[str, str]) -> AsyncIterator[Server]:
    worker = await asyncio.create_subprocess_exec(
        PROGRAM, "worker", "all", env={**environ, "STARLING_DATA": str(folder / "worker")}
    )
    settings = {**environ, "STARLING_DATA": str(folder / "serve")}
    try:
        async with started("tests.bench.cluster_serving", settings) as server:
            yield server
    finally:
        worker.terminate()
        await worker.wait()


async def run(figures: Figures, plan: Plan, folder: Path) -> None:
    environ = {
        **os.environ,
        "STARLING_PROFILE": "cluster",
        "STARLING_CLUSTER_PORT": str(local.shared().base_port),
        "STARLING_NAMESPACE": f"bench{os.getpid()}",
        "STARLING_PARTITIONS": "8",
        "STARLING_RATE_LIMITS": "off",
        "STARLING_ARGON2_COST": "lowest",
        "STARLING_LOG_LEVEL": "error",
    }
    async with _installed(folder, environ) as server:
        await measure(figures, plan, server, environ)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cluster", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short turns, for a first look")
    parser.add_argument("--json", type=Path, default=Path("bench-cluster.json"))
    asked = parser.parse_args()
    figures = Figures()
    local.shared().up()
    try:
        with TemporaryDirectory(prefix="starling-bench-") as scratch:
            uvloop.run(run(figures, QUICK if asked.quick else WHOLE, Path(scratch)))
    finally:
        local.stop(str(local.run_number()))
    print("\n" + table(figures.all))
    figures.write(asked.json)
    sys.stdout.write(f"\nAll figures: {asked.json}; {CLIENTS} clients\n")


if __name__ == "__main__":
    main()
