"""Full home pages for many different readers, against an empty GET to the same server.

No answer is cached, and all access tokens were verified before. The homes of warm readers are
kept ready (ids in memory, as for everybody who was seen in the last days since the server started);
those of cold ones were evicted: their pages are pulled from all whom they follow, and made ready
meanwhile.
"""

from collections.abc import Sequence
from statistics import mean, median
from typing import Final

import orjson

from tests.bench.asking import empty_gets, homes, shuffled
from tests.bench.figures import Figure, Figures
from tests.bench.load import Load, load_on, request
from tests.bench.plan import Bench
from tests.bench.process import Server, serving
from tests.bench.rounds import Measure, Round, compared, in_turns
from tests.bench.world import PAGE, tokens_for

READERS_MIN: Final = 10_000
EVICTED_AT_ONCE: Final = 2_500
LOOKED_AT: Final = 300


async def measure(bench: Bench) -> None:
    """Cold and warm homes."""
    tokens = await tokens_for(bench.folder, bench.world.readers)
    async with serving(bench.folder) as server, load_on(server.address) as load:
        await load.each_once([request("GET", "/bench/empty", token) for token in tokens])
        limit = empty_gets(tokens[:64])
        turn_s = bench.plan.turn_s

        def empty() -> Measure:
            return lambda: load.flat_out(limit, turn_s)

        await _cold(bench, server, load, tokens, empty())
        page = shuffled(homes(tokens))
        await load.flat_out(page, turn_s)
        await _look(bench.figures, load, tokens)
        pairs = await in_turns(
            server, empty(), lambda: load.flat_out(page, turn_s), bench.plan.rounds
        )
        name = f"Home page of {PAGE} posts, {len(tokens):,} warm readers"
        bench.figures.add(compared(name, "empty GET", pairs, 0.25))
        _limit(bench.figures, pairs)


async def _cold(
    bench: Bench, server: Server, load: Load, tokens: Sequence[str], empty: Measure
) -> None:
    """Every reader's first page after an eviction; a share of them in each round."""
    await _evict(load, tokens[0], bench.world.readers)
    pairs: list[tuple[Round, Round]] = []
    share = len(tokens) // bench.plan.rounds + 1
    for at in range(0, len(tokens), share):
        pages = homes(tokens[at : at + share])
        pairs += await in_turns(server, empty, lambda pages=pages: load.each_once(pages), rounds=1)  # type: ignore[misc]
        await load.ask(request("GET", "/bench/rebuilt", tokens[0]))
    name = f"Home page of {PAGE} posts, cold readers"
    bench.figures.add(compared(name, "empty GET", pairs, None, "homes are made ready meanwhile"))


async def _evict(load: Load, token: str, readers: Sequence[int]) -> None:
    for at in range(0, len(readers), EVICTED_AT_ONCE):
        body = orjson.dumps({"ids": readers[at : at + EVICTED_AT_ONCE]})
        answer = await load.ask(request("POST", "/bench/evict", token, body))
        if answer.status != 200:
            raise RuntimeError(answer.body.decode())


async def _look(figures: Figures, load: Load, tokens: Sequence[str]) -> None:
    """What is on the pages. Raises RuntimeError if they are not full or the readers too few."""
    if len(tokens) < READERS_MIN:
        raise RuntimeError(f"Only {len(tokens)} readers have a full page")
    answers = [await load.ask(page) for page in homes(tokens[:: len(tokens) // LOOKED_AT])]
    pages = [orjson.loads(answer.body) for answer in answers]
    if any(len(page["items"]) != PAGE for page in pages):
        raise RuntimeError("A page is not full")
    people = mean(len(page["includes"]["accounts"]) for page in pages)
    size = mean(len(answer.body) for answer in answers)
    figures.add(Figure("  bytes of a page", size, "bytes", note=f"{people:.1f} accounts on it"))


def _limit(figures: Figures, pairs: Sequence[tuple[Round, Round]]) -> None:
    rate = median(empty.taken.per_s for empty, _ in pairs)
    cpu = [empty.cpu_us for empty, _ in pairs if empty.cpu_us is not None]
    note = f"{median(cpu):.0f} us CPU" if cpu else ""
    figures.add(Figure("Empty GET", rate, "/s", note=note))
