"""Home timelines in SQLite: what a page, a push and a rebuild cost among 10,000 kept-ready homes.

python -m tests.bench.bench_home_timelines [readers] [posts]
"""

import asyncio
import math
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.ids import AccountId, PostId, compose
from infra.sqlite.home_timelines import SqliteHomeTimelines
from projections.home_timelines import AddPost, Operation, SetTie
from projections.items import Item
from projections.windows import Window
from tests.facts import NOON_MS

FOLLOWED = 40
BATCH = 500
# Less than each home has, so that trimming and reading below the floor take place.
DEPTH = 100
FIRST_PAGE = Window()


class Bench:
    """A graph in which everybody follows FOLLOWED others, and some follow or are followed more."""

    def __init__(self, store: SqliteHomeTimelines, readers: int) -> None:
        self.store = store
        self.random = random.Random(1)
        self.readers = [AccountId(compose(NOON_MS - 9_000_000 + n, 0, 0)) for n in range(readers)]
        self.star = AccountId(compose(NOON_MS - 100, 0, 1))
        self.eager = {
            number: AccountId(compose(NOON_MS - 100_000 + number, 1, 0))
            for number in (400, 2_000, readers - 1)
        }
        self._made = 0

    def post(self, author: AccountId) -> AddPost:
        self._made += 1
        return AddPost(author, PostId(compose(NOON_MS + 10 * self._made, 0, 0)))

    def posts(self, number: int) -> list[Operation]:
        return [self.post(self.random.choice(self.readers)) for _ in range(number)]

    def follows(self) -> list[Operation]:
        pairs = [(one, who) for one in self.readers for who in self._some(FOLLOWED) if who != one]
        pairs += [(one, self.star) for one in self._some(400)]
        for number, eager in self.eager.items():
            pairs += [(eager, who) for who in self._some(number)]
        return [
            tie
            for one, other in pairs
            for tie in (SetTie(one, other, True, False, 1), SetTie(other, one, False, False, 1))
        ]

    async def apply(self, operations: Sequence[Operation]) -> float:
        """Seconds for all of them in batches."""
        began = time.perf_counter()
        for start in range(0, len(operations), BATCH):
            await self.store.apply(operations[start : start + BATCH], {0: start})
        return time.perf_counter() - began

    def page_of(
        self, reader: AccountId | None = None, window: Window = FIRST_PAGE
    ) -> Callable[[], Awaitable[Sequence[Item]]]:
        """Reads a page of a reader, or each time of another one."""
        return lambda: self.store.page(reader or self.random.choice(self.readers), window, 20)

    def early(self) -> Window:
        """From the older quarter of all posts down."""
        return Window(max_id=compose(NOON_MS + 10 * (self._made // 4), 0, 0))

    def _some(self, number: int) -> list[AccountId]:
        return self.random.sample(self.readers, min(number, len(self.readers)))


async def timed(name: str, times: int, call: Callable[[], Awaitable[object]]) -> None:
    """Print the median and the 99th percentile of a call, in microseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - began) * 1e6)
    taken.sort()
    median, tail = taken[len(taken) // 2], taken[-1 - len(taken) // 100]
    print(f"{name:45} p50 {median:8.0f} us   p99 {tail:8.0f} us")


async def run(path: Path, readers: int, posts: int) -> None:
    store = SqliteHomeTimelines(path, threshold=math.inf, depth=DEPTH, now_ms=lambda: NOON_MS)
    bench = Bench(store, readers)
    await fill(bench, posts // 2)
    await read_first_pages(bench)
    await measure(bench, posts // 2)
    store.close()
    print(f"{sum(f.stat().st_size for f in path.parent.iterdir()) / 1e6:.0f} MB on disk")


async def fill(bench: Bench, posts: int) -> None:
    """The graph, and posts while nobody reads."""
    ties = bench.follows()
    took = await bench.apply(ties)
    print(f"{len(ties) // 2} follows: {len(ties) / 2 / took:.0f} a second")
    took = await bench.apply(bench.posts(posts))
    print(f"{posts} posts, nobody reads: {posts / took:.0f} a second")


async def read_first_pages(bench: Bench) -> None:
    """Everybody reads once, and is kept ready from then on."""
    early = bench.early()
    for number, eager in bench.eager.items():
        await timed(f"page of 20, pulled from {number}", 100, bench.page_of(eager, early))
    began = time.perf_counter()
    for reader in bench.readers:
        await bench.store.page(reader, FIRST_PAGE, 20)
    pulled = (time.perf_counter() - began) / len(bench.readers)
    bench.store.wait_for_rebuilds()
    built = (time.perf_counter() - began) / len(bench.readers)
    print(f"page of 20, pulled from {FOLLOWED}, while others are built: {pulled * 1e6:.0f} us")
    print(f"{len(bench.readers)} homes built: {built * 1e6:.0f} us each")


async def measure(bench: Bench, posts: int) -> None:
    """Everybody is kept ready."""
    took = await bench.apply(bench.posts(posts))
    print(f"{posts} posts, {FOLLOWED} kept ready for each: {posts / took:.0f} a second")
    await timed("page of 20, kept ready", 5_000, bench.page_of())
    await timed("page of 20, below what is kept", 500, bench.page_of(window=bench.early()))

    async def push() -> None:
        await bench.apply([bench.post(bench.star)])

    await timed("push of one post to 400 kept ready", 200, push)
    took = await bench.apply([bench.post(bench.star) for _ in range(BATCH)])
    print(f"the same in a batch of {BATCH}: {took / BATCH * 1e6:.0f} us")


def main() -> None:
    readers, posts = (int(text) for text in (sys.argv[1:] or ("10000", "40000")))
    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "home.db", readers, posts))


if __name__ == "__main__":
    main()
