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
from projections.windows import Window
from tests.facts import NOON_MS

FOLLOWED = 40
BATCH = 500
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
    print(f"{name:58} p50 {taken[len(taken) // 2]:9.0f} us   p99 {taken[-1 - len(taken) // 100]:9.0f} us")


async def run(path: Path, readers: int, posts: int) -> None:
    bench = Bench(SqliteHomeTimelines(path, threshold=math.inf, now_ms=lambda: NOON_MS), readers)
    store = bench.store
    ties = bench.follows()
    print(f"{len(ties) // 2} follows: {len(ties) / 2 / await bench.apply(ties):.0f} a second")
    before = bench.posts(posts // 2)
    print(f"{len(before)} posts, nobody reads: {len(before) / await bench.apply(before):.0f} a second")

    async def page(reader: AccountId | None = None, window: Window = FIRST_PAGE) -> object:
        return await store.page(reader or bench.random.choice(bench.readers), window, 20)

    for number, eager in bench.eager.items():
        await timed(f"page of 20, pulled from {number}", 5, lambda e=eager: page(e))  # type: ignore[misc]
    began = time.perf_counter()
    for reader in bench.readers:
        await page(reader)
    pulled = time.perf_counter() - began
    store.wait_for_rebuilds()
    built = time.perf_counter() - began
    print(f"page of 20, pulled from {FOLLOWED}: {pulled / readers * 1e6:.0f} us while others are built")
    print(f"{readers} homes built: {built / readers * 1e6:.0f} us each")
    after = bench.posts(posts // 2)
    print(f"{len(after)} posts to {FOLLOWED} kept-ready each: {len(after) / await bench.apply(after):.0f} a second")
    await timed("page of 20, kept ready", 5_000, page)
    middle = Window(max_id=compose(NOON_MS + 10 * (posts // 2), 0, 0))
    await timed("page of 20, below what is kept", 500, lambda: page(None, middle))
    await timed("push of one post to 400 kept ready", 200, lambda: bench.apply([bench.post(bench.star)]))
    many = [bench.post(bench.star) for _ in range(BATCH)]
    print(f"push in a batch of {BATCH}: {await bench.apply(many) / BATCH * 1e6:.0f} us for 400")
    store.close()
    print(f"{sum(f.stat().st_size for f in path.parent.iterdir()) / 1e6:.0f} MB on disk")


def main() -> None:
    readers, posts = (int(text) for text in (sys.argv[1:] or ("10000", "40000")))
    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "home.db", readers, posts))


if __name__ == "__main__":
    main()
