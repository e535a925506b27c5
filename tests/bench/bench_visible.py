"""From a tweet's acknowledgement until a follower sees it in their home, idle and under load."""

import asyncio
import random
from time import perf_counter
from typing import Final

import orjson

from tests.bench.asking import keep_ready, tweet, tweets
from tests.bench.bench_commands import by_lot
from tests.bench.figures import Figure, Figures
from tests.bench.load import Load, load_on, quantile, request
from tests.bench.plan import Bench
from tests.bench.process import serving
from tests.bench.world import texts, tokens_for

PAUSE_S: Final = 0.03
POLL_S: Final = 0.0005
SETTLE_S: Final = 1.0


async def measure(bench: Bench, rate: float) -> None:
    """Idle, and while others post half of the sustained `rate`."""
    pairs = list(bench.world.reader_of.items())
    random.Random(5).shuffle(pairs)
    authors, readers = zip(*pairs, strict=True)
    author_tokens = await tokens_for(bench.folder, authors)
    reader_tokens = await tokens_for(bench.folder, readers)
    posters = await tokens_for(bench.folder, by_lot(bench.world))
    everybody = await tokens_for(bench.folder, bench.world.readers)
    async with (
        serving(bench.folder) as server,
        load_on(server.address) as load,
        load_on(server.address, clients=1) as watching,
    ):
        await keep_ready(load, everybody)
        seen = _Seen(watching, author_tokens, reader_tokens)
        tell(bench.figures, "idle", await seen.times(bench.plan.seen))
        others = asyncio.create_task(
            load.at_rate(tweets(posters), rate / 2, SETTLE_S + bench.plan.seen * PAUSE_S * 2)
        )
        await asyncio.sleep(SETTLE_S)
        half = await seen.times(bench.plan.seen, until=others)
        await others
        tell(bench.figures, f"beside {rate / 2:,.0f} tweets/s", half)


class _Seen:
    """Posts, and looks until it is there."""

    def __init__(self, load: Load, authors: list[str], readers: list[str]) -> None:
        self._load = load
        self._pairs = list(zip(authors, readers, strict=True))
        self._said = texts()

    async def times(self, count: int, until: "asyncio.Task[object] | None" = None) -> list[float]:
        """Seconds, for so many tweets or until the task is done."""
        taken = []
        for author, reader in (self._pairs * (count // len(self._pairs) + 1))[:count]:
            if until is not None and until.done():
                break
            taken.append(await self._one(author, reader))
            await asyncio.sleep(PAUSE_S)
        return taken

    async def _one(self, author: str, reader: str) -> float:
        posted = await self._load.ask(tweet(author, next(self._said)))
        acknowledged = perf_counter()
        post_id = int(orjson.loads(posted.body)["id"])
        wanted = b'{"items":[{"item_id":"%d"' % post_id
        # Others' later posts may stand above it.
        newest = request("GET", f"/v1/timelines/home?limit=1&max_id={post_id + 1}", reader)
        while not (await self._load.ask(newest)).body.startswith(wanted):
            await asyncio.sleep(POLL_S)
        return perf_counter() - acknowledged


def tell(figures: Figures, when: str, seconds: list[float]) -> None:
    """Half and nearly all of them."""
    note = f"{len(seconds)} tweets"
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ms = quantile(seconds, share) * 1e3
        figures.add(Figure(f"Acknowledged to visible, {when}, {name}", ms, "ms", note=note))
