"""Tweets over HTTP, acknowledged when durable, against an empty POST to the same server."""

from statistics import median
from typing import Final

from tests.bench.asking import Lag, empty_posts, tweets
from tests.bench.figures import Figure
from tests.bench.load import Load, Source, load_on
from tests.bench.plan import Bench
from tests.bench.process import Server, serving
from tests.bench.rounds import Round, compared, in_turns, watched
from tests.bench.world import tokens_for

SIGNED_IN: Final = 64
LAG_MAX_S: Final = 1.0
# Down from a rate that is surely too high, in steps that find the highest one within a few percent.
FIRST_STEP: Final = 1.15
STEP: Final = 0.95
STEPS_MAX: Final = 20


async def measure(bench: Bench) -> float:
    """In a burst, then sustained: the highest rate at which no projection falls behind, which
    is the answer."""
    tokens = tokens_for(bench.folder, bench.world.authors[:SIGNED_IN])
    async with serving(bench.folder) as server, load_on(server.address) as load:
        lag = Lag(load, tokens[0])
        post, limit = tweets(tokens), empty_posts(tokens)
        await load.flat_out(limit, 1)
        capacity = await _burst(bench, server, load, lag, post, limit)
        return await _sustained(bench, server, load, lag, post, limit, capacity)


async def _burst(
    bench: Bench, server: Server, load: Load, lag: Lag, post: Source, limit: Source
) -> float:
    """Also how many a second got through all projections, with the time that took afterwards."""
    turn_s = bench.plan.turn_s
    pairs: list[tuple[Round, Round]] = []
    drain_s = []
    for _ in range(bench.plan.rounds):
        pairs += await in_turns(
            server,
            lambda: load.flat_out(limit, turn_s),
            lambda: load.flat_out(post, turn_s),
            rounds=1,
        )
        drain_s.append(await lag.gone())
    note = f"{turn_s:g} s each, projections done {median(drain_s):.1f} s later"
    bench.figures.add(compared("Tweets acknowledged, burst", "empty POST", pairs, 0.5, note))
    posted = [thing.taken for _, thing in pairs]
    return sum(taken.answers for taken in posted) / (
        sum(taken.elapsed_s for taken in posted) + sum(drain_s)
    )


async def _sustained(
    bench: Bench,
    server: Server,
    load: Load,
    lag: Lag,
    post: Source,
    limit: Source,
    capacity: float,
) -> float:
    plan = bench.plan
    rate = capacity * FIRST_STEP
    for _ in range(STEPS_MAX):
        await load.at_rate(post, rate, plan.step_s)
        if await lag.gone() < LAG_MAX_S / 2:
            break
        rate *= STEP
    before = await watched(server, lambda: load.flat_out(limit, plan.turn_s))
    held = await watched(server, lambda: load.at_rate(post, rate, plan.sustained_s))
    behind = await lag.gone()
    after = await watched(server, lambda: load.flat_out(limit, plan.turn_s))
    note = f"{plan.sustained_s:g} s, lag at the end {behind:.2f} s"
    pairs = [(empty, held) for empty in (before, after)]
    name = "Tweets through all projections, sustained"
    bench.figures.add(compared(name, "empty POST", pairs, 0.15, note))
    bench.figures.add(Figure("  the same, lag at the end", behind * 1e3, "ms"))
    return rate
