"""Full home pages for many different readers, against an empty GET to the same server.

No answer is cached. Warm readers' homes are kept ready (entries in SQLite, as for everybody seen
in the last days) and their tokens were verified before; cold readers were never seen: their pages
are pulled from everybody they follow, their tokens verified, and their homes made ready meanwhile.
"""

from collections.abc import Sequence
from statistics import mean
from typing import Final

import orjson

from tests.bench.asking import empty_gets, homes, shuffled
from tests.bench.figures import Figure
from tests.bench.load import Load, Taken, load_on, request
from tests.bench.plan import Bench
from tests.bench.process import Server, serving
from tests.bench.rounds import Round, compared, in_turns, watched
from tests.bench.world import PAGE, tokens_for

SAMPLE: Final = 200
EVICTED: Final = 2_000


async def measure(bench: Bench) -> None:
    """Cold and warm homes."""
    readers = bench.world.readers
    tokens = tokens_for(bench.folder, readers)
    async with serving(bench.folder) as server, load_on(server.address) as load:
        limit = empty_gets(tokens[:64])
        await load.flat_out(limit, 1)
        await _warm_up(load, tokens)
        await _describe(bench, load, tokens)
        turn_s = bench.plan.turn_s
        page = shuffled(homes(tokens))
        pairs = await in_turns(
            server,
            lambda: load.flat_out(limit, turn_s),
            lambda: load.flat_out(page, turn_s),
            bench.plan.rounds,
        )
        name = f"Home page of {PAGE} posts, warm readers"
        bench.figures.add(compared(name, "empty GET", pairs, 0.25))
