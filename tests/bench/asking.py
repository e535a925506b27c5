"""What is asked for over and over, and how far the projections are."""

import asyncio
import random
from collections.abc import Sequence
from itertools import cycle
from time import perf_counter
from typing import Final

import orjson

from tests.bench.load import Load, Source, request
from tests.bench.world import texts

POLL_S: Final = 0.02


def in_turn(requests: Sequence[bytes]) -> Source:
    """One after the other, over and over."""
    return cycle(requests).__next__


def shuffled(requests: Sequence[bytes]) -> Source:
    """All of them in a random order, over and over."""
    mixed = list(requests)
    random.Random(11).shuffle(mixed)
    return in_turn(mixed)


def empty_gets(tokens: Sequence[str]) -> Source:
    """The least a signed-in read can cost."""
    return in_turn([request("GET", "/bench/empty", token) for token in tokens])


def empty_posts(tokens: Sequence[str]) -> Source:
    """The least a command can cost."""
    return in_turn([request("POST", "/bench/empty", token, b"{}") for token in tokens])


def homes(tokens: Sequence[str]) -> list[bytes]:
    """The first page of everybody's home."""
    return [request("GET", "/v1/timelines/home", token) for token in tokens]


async def keep_ready(load: Load, tokens: Sequence[str]) -> None:
    """Everybody reads once: from then on their homes are kept ready."""
    await load.each_once(homes(tokens))
    await load.ask(request("GET", "/bench/rebuilt", tokens[0]))


def tweets(tokens: Sequence[str]) -> Source:
    """Tweets of real texts by the signed-in authors in turn."""
    by, said = cycle(tokens), texts()
    return lambda: tweet(next(by), next(said))


def tweet(token: str, text: str) -> bytes:
    """One tweet."""
    return request("POST", "/v1/tweets", token, orjson.dumps({"text": text}))


class Lag:
    """How far the projections are behind the log, asked of the server."""

    def __init__(self, load: Load, token: str) -> None:
        self._load = load
        self._positions = request("GET", "/bench/positions", token)

    async def events(self) -> dict[str, int]:
        """By projection, in events."""
        told = orjson.loads((await self._load.ask(self._positions)).body)
        return {name: told["head"] - at for name, at in told["at"].items()}

    async def gone(self) -> float:
        """Wait until there is none; the seconds it took."""
        began = perf_counter()
        while any((await self.events()).values()):
            await asyncio.sleep(POLL_S)
        return perf_counter() - began
