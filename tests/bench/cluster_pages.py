"""Home pages on the engines, of readers whose authors are pushed, and of those whose are pulled."""

import asyncio
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Final

from infra.redis.client import RedisClient
from tests.bench.asking import POLL_S, empty_gets, homes, shuffled
from tests.bench.cluster_town import DRAINED_S, FOLLOWED, STARS, Town
from tests.bench.figures import Figure, Figures
from tests.bench.load import Load
from tests.bench.plan import Plan
from tests.bench.process import Server
from tests.bench.rounds import Round, compared, flat_out_in_turns, in_turns

AIM, HALF_LOAD_AIM = 0.3, 5.0
ROUND_TRIPS: Final = 2_000


async def measure(figures: Figures, plan: Plan, server: Server, load: Load, town: Town) -> None:
    """Pages of both kinds of readers."""
    await _pages(figures, plan, server, load, readers=town.readers)
    note = f"{FOLLOWED} pulled authors"
    await _pages(figures, plan, server, load, readers=town.fans, note=note)


async def pulled(redis: RedisClient, namespace: str) -> None:
    """Wait until it is the stars who are pulled, and nobody else: other pages would be measured.
    Raises TimeoutError."""
    async with asyncio.timeout(DRAINED_S):
        found = 0
        while found != STARS:
            await asyncio.sleep(POLL_S)
            keys = redis.scan_iter(match=f"{namespace}*home_timelines*:pulled", count=1_000)
            found = sum([await redis.hlen(key) async for key in keys])


async def alone(figures: Figures, load: Load, town: Town, redis: RedisClient) -> None:
    """One page after the other, against round trips to Redis."""
    taken = []
    for raw in homes(town.readers):
        began = perf_counter()
        await load.ask(raw)
        taken.append(perf_counter() - began)
    page, bare = median(taken), await _round_trip(redis)
    figures.add(
        Figure("Home page, one client alone", page * 1e3, "ms", "Redis round trip", page / bare)
    )


async def _pages(
    figures: Figures,
    plan: Plan,
    server: Server,
    load: Load,
    *,
    readers: Sequence[str],
    note: str = "",
) -> None:
    """Home pages as fast as they come, and half as fast."""
    pages = homes(readers)
    await load.each_once(pages)
    limit, page = empty_gets(readers), shuffled(pages)
    pairs = await flat_out_in_turns(
        server, load, limit, page, turn_s=plan.turn_s, rounds=plan.rounds
    )
    name = "Home page of 20 posts, on the engines"
    flat_out = compared(name, "empty GET", pairs, AIM, note)
    figures.add(flat_out)
    bare = median(empty.taken.per_s for empty, _ in pairs)
    halves = await in_turns(
        server,
        lambda: load.at_rate(limit, bare / 2, plan.turn_s),
        lambda: load.at_rate(page, flat_out.value / 2, plan.turn_s),
        plan.rounds,
    )
    figures.add(_tail([thing for _, thing in halves], [empty for empty, _ in halves]))
    one = await load.ask(pages[0])
    figures.add(Figure("  bytes of a page", len(one.body), "bytes"))


def _tail(pages: Sequence[Round], empty: Sequence[Round]) -> Figure:
    """The slowest of a hundred pages. What else goes on in the machine shows there first: an empty
    GET, in turns with them, tells how much."""
    p99 = median(one.taken.quantile_ms(0.99) for one in pages)
    return Figure(
        "  the same at half that rate, p99",
        p99,
        "ms",
        "its p50",
        _spread(pages),
        HALF_LOAD_AIM,
        f"an empty GET's at half its rate: {_spread(empty):.1f}",
    )


def _spread(rounds: Sequence[Round]) -> float:
    """How many times its p50 a turn's p99 is."""
    return median(one.taken.quantile_ms(0.99) / one.taken.quantile_ms(0.5) for one in rounds)


async def _round_trip(redis: RedisClient) -> float:
    """Seconds, the median of many GETs one after the other."""
    taken = []
    for _ in range(ROUND_TRIPS):
        began = perf_counter()
        await redis.get("bench")
        taken.append(perf_counter() - began)
    return median(taken)
