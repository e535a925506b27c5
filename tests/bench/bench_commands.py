"""Tweets over HTTP, acknowledged when durable, against an empty POST to the same server.

The 64 who post are people of the graph by lot, or its most followed ones. All readers have read
before, so whoever follows them has a home kept ready, into which each tweet goes.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Final

import orjson

from tests.bench.asking import Lag, empty_posts, keep_ready, tweets
from tests.bench.figures import Figure
from tests.bench.load import Load, Source, load_on, request
from tests.bench.plan import Bench
from tests.bench.process import Server, serving
from tests.bench.rounds import Round, compared, flat_out_in_turns, watched
from tests.bench.world import World, tokens_for

SIGNED_IN: Final = 64
LIMIT: Final = "empty POST"
LAG_MAX_S: Final = 1.0
# Down from a rate that is surely too high, in steps that find the highest one within a few percent.
FIRST_STEP: Final = 1.15
STEP: Final = 0.95
STEPS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Posting:
    """Who posts on which server."""

    bench: Bench
    server: Server
    load: Load
    lag: Lag
    post: Source
    empty: Source

    async def flat_out(self, rounds: int) -> tuple[list[tuple[Round, Round]], float]:
        """An empty POST and a tweet in turns; the seconds until the projections were done too."""
        turn_s = self.bench.plan.turn_s
        pairs: list[tuple[Round, Round]] = []
        drain_s = 0.0
        for _ in range(rounds):
            pairs += await flat_out_in_turns(
                self.server, self.load, self.empty, self.post, turn_s=turn_s, rounds=1
            )
            drain_s += await self.lag.gone()
        return pairs, drain_s


async def measure(bench: Bench) -> float:
    """In a burst, then sustained: the highest rate at which no projection falls behind. That of
    people by lot is the answer."""
    rate = await _measure(bench, by_lot(bench.world), "people by lot")
    await _measure(bench, bench.world.authors[:SIGNED_IN], "the most followed")
    return rate


def by_lot(world: World) -> list[int]:
    """Some who post, as many as there are connections."""
    return random.Random(1).sample(list(world.readers), SIGNED_IN)


async def _measure(bench: Bench, people: Sequence[int], who: str) -> float:
    tokens = await tokens_for(bench.folder, people)
    readers = await tokens_for(bench.folder, bench.world.readers)
    async with serving(bench.folder) as server, load_on(server.address) as load:
        await keep_ready(load, readers)
        lag = Lag(load, tokens[0])
        posting = Posting(bench, server, load, lag, tweets(tokens), empty_posts(tokens))
        await load.flat_out(posting.empty, 1)
        followers = mean([await _followers(load, person) for person in people])
        note = f"{who}, {followers:.0f} followers"
        pairs, drain_s = await posting.flat_out(bench.plan.rounds)
        bench.figures.add(compared("Tweets acknowledged, burst", LIMIT, pairs, 0.5, note))
        posted = [thing.taken for _, thing in pairs]
        done_s = sum(taken.elapsed_s for taken in posted) + drain_s
        capacity = sum(taken.answers for taken in posted) / done_s
        return await _sustained(posting, capacity, note)


async def _followers(load: Load, person: int) -> int:
    answer = await load.ask(request("GET", f"/v1/accounts/{person}"))
    return int(orjson.loads(answer.body)["counts"]["followers"])


async def _sustained(posting: Posting, capacity: float, note: str) -> float:
    plan, load = posting.bench.plan, posting.load
    rate = capacity * FIRST_STEP
    for _ in range(STEPS_MAX):
        await load.at_rate(posting.post, rate, plan.step_s)
        if await posting.lag.gone() < LAG_MAX_S / 2:
            break
        rate *= STEP

    async def empty() -> Round:
        return await watched(posting.server, lambda: load.flat_out(posting.empty, plan.turn_s))

    before = await empty()
    held, behind = await _held(posting, rate)
    # What holds for seconds need not hold for a minute.
    while behind >= LAG_MAX_S:
        rate *= STEP
        held, behind = await _held(posting, rate)
    pairs = [(before, held), (await empty(), held)]
    told = f"{note}, lag {behind:.2f} s after {plan.sustained_s:g} s"
    posting.bench.figures.add(compared("Tweets through all projections", LIMIT, pairs, 0.15, told))
    limit_rate = median(limit.taken.per_s for limit, _ in pairs)
    limit_cpu = [limit.cpu_us for limit, _ in pairs if limit.cpu_us is not None]
    spent = f"{median(limit_cpu):.0f} us CPU" if limit_cpu else ""
    posting.bench.figures.add(Figure("Empty POST", limit_rate, "/s", note=spent))
    return rate


async def _held(posting: Posting, rate: float) -> tuple[Round, float]:
    """The whole time at this rate; how many seconds the projections are behind at its end."""
    whole_s = posting.bench.plan.sustained_s
    held = await watched(posting.server, lambda: posting.load.at_rate(posting.post, rate, whole_s))
    return held, await posting.lag.gone()
