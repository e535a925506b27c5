"""The measurements over HTTP, each against an empty request to the same server."""

import asyncio
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import orjson

from tests.bench.figures import Figure, Figures
from tests.bench.load import Load, Source, Taken, load_on, quantile, request
from tests.bench.process import Server, serving
from tests.bench.rounds import Round, compared, in_turns, watched
from tests.bench.world import World, texts, tokens_for

SIGNED_IN: Final = 64
LAG_MAX_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long everything is measured."""

    turn_s: float = 5.0
    rounds: int = 5
    step_s: float = 10.0
    sustained_s: float = 60.0
    seen: int = 300


@dataclass(frozen=True, slots=True)
class Bench:
    """A run over one folder's world."""

    folder: Path
    world: World
    plan: Plan
    figures: Figures


def in_turn(requests: Sequence[bytes]) -> Source:
    """One after the other, over and over."""
    return cycle(requests).__next__


def shuffled(requests: Sequence[bytes]) -> Source:
    """All of them in a random order, over and over."""
    chance = random.Random(11)
    mixed = list(requests)
    chance.shuffle(mixed)
    return in_turn(mixed)


def empty_gets(tokens: Sequence[str]) -> Source:
    return in_turn([request("GET", "/bench/empty", token) for token in tokens])


def empty_posts(tokens: Sequence[str]) -> Source:
    return in_turn([request("POST", "/bench/empty", token, b"{}") for token in tokens])


def tweets(tokens: Sequence[str]) -> Source:
    """Tweets of real texts by the signed-in authors."""
    said = texts()
    by = cycle(tokens)

    def source() -> bytes:
        return tweet(next(by), next(said))

    return source


def tweet(token: str, text: str) -> bytes:
    return request("POST", "/v1/tweets", token, orjson.dumps({"text": text}))


async def commands(bench: Bench) -> None:
    """Tweets acknowledged per second: in a burst, and as many as all projections keep up with."""
    plan, authors = bench.plan, bench.world.authors[:SIGNED_IN]
    tokens = tokens_for(bench.folder, authors)
    async with serving(bench.folder) as server, load_on(server.address) as load:
        post, limit = tweets(tokens), empty_posts(tokens)
        asked = Positions(load, tokens[0])
        await load.flat_out(limit, 1)
        burst: list[tuple[Round, Round]] = []
        drained = []
        for _ in range(plan.rounds):
            burst += await in_turns(
                server, lambda: load.flat_out(limit, plan.turn_s),
                lambda: load.flat_out(post, plan.turn_s), 1,
            )  # fmt: skip
            drained.append(await asked.drained())
        bench.figures.add(compared("Tweets acknowledged, burst", "empty POST", burst, 0.5))
        done = sum(thing.taken.answers for _, thing in burst)
        spent = sum(thing.taken.elapsed_s for _, thing in burst) + sum(drained)
        await _sustained(bench, server, load, post, limit, done / spent)


async def _sustained(
    bench: Bench, server: Server, load: Load, post: Source, limit: Source, rate: float
) -> None:
    """Find the rate by stepping down, then hold it."""
    plan = bench.plan
    asked = Positions(load, tokens_for_first(bench))
    rate *= 1.2
    while True:
        await load.at_rate(post, rate, plan.step_s)
        if await asked.drained() < LAG_MAX_S / 2:
            break
        rate *= 0.93
    empty = await watched(server, lambda: load.flat_out(limit, plan.turn_s))
    held = await watched(server, lambda: load.at_rate(post, rate, plan.sustained_s))
    lag = await asked.drained()
    again = await watched(server, lambda: load.flat_out(limit, plan.turn_s))
    mean_limit = (empty.taken.per_s + again.taken.per_s) / 2
