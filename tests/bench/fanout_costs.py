"""What single doings of home timelines cost Redis: cold readers, pages with pulled authors, and
what a post to a million does to everybody else's."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, Final

from domain.ids import AccountId, PostId, compose
from infra.redis.home_keys import item_key, shard_of
from infra.redis.home_timelines import RedisHomeTimelines
from projections.home_timelines import AddPost, SetTie
from projections.windows import Window
from tests.bench.figures import Figure, Figures
from tests.facts import NOON_MS

BATCH: Final = 500
FOLLOWED_BY_COLD: Final = 2_000
PULLED, OTHERS = 20, 5
PAGES, COLD_READS = 1_000, 20
EVERY_S: Final = 0.005
PAIRS: Final = 5
POLL_S: Final = 0.2
PREPARE: Final = f"""
for place = 1, #ARGV, 2 do
    local prefix = KEYS[1] .. ':{{' .. ARGV[place] .. '}}:'
    redis.call('RPUSH', prefix .. 'cache:' .. ARGV[place + 1], '-1')
    redis.call('HSET', prefix .. 'about:' .. ARGV[place + 1],
        'floor', '{item_key(0)}', 'sorted', 0)
end
"""


class Costs:
    """A store of its own, whose authors get their followers as they are needed."""

    def __init__(self, figures: Figures, store: RedisHomeTimelines, redis: Any, name: str) -> None:
        self._figures = figures
        self.store = store
        self._redis = redis
        self._namespace = name
        self._made = 0
        self._people = 0

    async def cold_reader(self) -> None:
        """Who follows FOLLOWED_BY_COLD, is served and kept ready again."""
        (reader,), followed = self.people(1), self.people(FOLLOWED_BY_COLD)
        await self.store.apply([SetTie(reader, other, True, False, 1) for other in followed], {})
        for _ in range(5):
            await self.post(followed)
        served, built = [], []
        for _ in range(COLD_READS):
            await self.store.evict([reader])
            began = perf_counter()
            cpu_us = await self.cpu_us(lambda: self.store.page(reader, Window(), 20))
            served.append((perf_counter() - began) * 1e3)
            built.append((cpu_us + await self.cpu_us(self.store.wait_for_rebuilds)) / 1e3)
        self._tell("A cold reader who follows 2,000: page", median(served), "ms")
        self._tell("  page and rebuild", median(built), "ms of Redis", aim=50)

    async def pulled_page(self, pulling: RedisHomeTimelines, threshold: int) -> None:
        """A page of 20 for who follows PULLED authors beyond the threshold, and for who does not.
        `pulling` is on the same namespace."""
        large, small, readers = self.people(PULLED), self.people(PULLED + OTHERS), self.people(2)
        for author in large:
            await self.follow(author, threshold, ready=False)
        follows = ((readers[0], [*large, *small[:OTHERS]]), (readers[1], small))
        ties = [SetTie(reader, other, True, False, 1) for reader, whom in follows for other in whom]
        await pulling.apply(ties, {})
        for _ in range(30):
            await self.post([*large, *small], pulling)
        bare, _ = await self._page(lambda: self._redis.get(self._namespace))
        for which, reader in zip(("20 pulled", "no pulled"), readers, strict=True):
            await pulling.page(reader, Window(), 20)
            await pulling.wait_for_rebuilds()
            took, cpu_us = await self._page(partial(pulling.page, reader, Window(), 20))
            name, note = f"A page of 20, {which} authors followed", f"{cpu_us:.0f} us of Redis"
            self._figures.add(Figure(name, took, "ms", "a bare GET", took / bare, note=note))

    async def fairness(self, followers: int) -> None:
        """Small posts beside a post to very many, and without."""
        (large,), small = self.people(1), self.people(200)
        for author in small:
            await self.follow(author, 5)
        await self.follow(large, followers)
        alone, beside, drained = [], [], []
        for _ in range(PAIRS):
            alone.append(p99(await self._latencies(small, None)))
            beside.append(p99(await self._latencies(small, large)))
            began = perf_counter()
            await self.store.wait_for_pushes()
            drained.append(perf_counter() - began)
        name = f"p99 of others' posts beside one to {followers:,}"
        pairs = zip(beside, alone, strict=True)
        ratio = median(one / other for one, other in pairs)
        self._figures.add(Figure(name, median(beside) * 1e3, "ms", "it alone", ratio, 1.5))
        self._tell("  that push goes on for", median(drained), "s after that")

    async def follow(self, author: AccountId, number: int, *, ready: bool = True) -> None:
        """New followers, kept ready."""
        left = number
        while left > 0:
            some = self.people(min(left, BATCH))
            await self.store.apply([SetTie(one, author, True, False, 1) for one in some], {})
            if ready:
                await self.be_ready(some)
            left -= len(some)

    async def be_ready(self, readers: Sequence[AccountId]) -> None:
        """Have homes kept ready for them, with nothing in them."""
        script = self._redis.register_script(PREPARE)
        for first in range(0, len(readers), BATCH):
            some = readers[first : first + BATCH]
            await script(
                [self._namespace], [value for one in some for value in (shard_of(one), one)]
            )

    async def calm(self) -> None:
        """Wait until Redis does not write its file anew beside: whatever is touched meanwhile is
        copied first."""
        while (await self._redis.info("persistence"))["aof_rewrite_in_progress"]:
            await asyncio.sleep(POLL_S)

    def people(self, number: int) -> list[AccountId]:
        """New ones."""
        first = self._people
        self._people += number
        ms = NOON_MS - 99_000_000
        return [AccountId(compose(ms + n, 3, 0)) for n in range(first, self._people)]

    def key(self, what: str, reader: AccountId) -> str:
        """Of what is kept for a reader."""
        return f"{self._namespace}:{{{shard_of(reader)}}}:{what}:{reader}"

    async def _latencies(
        self, authors: Sequence[AccountId], large: AccountId | None
    ) -> list[float]:
        """Seconds from the moment a post is there until a batch with it is applied; one post each
        EVERY_S, and one `large` at the beginning of the same stream."""
        waiting: list[tuple[float, AddPost]] = []
        taken: list[float] = []
        if large is not None:
            waiting.append((perf_counter(), self.made_post(large)))

        async def work() -> None:
            while True:
                batch, waiting[:] = waiting[:], []
                if batch:
                    await self.store.apply([post for _, post in batch], {0: self._made})
                    applied = perf_counter()
                    taken.extend(applied - there for there, post in batch if post[0] != large)
                await asyncio.sleep(0.0005)

        working = asyncio.create_task(work())
        for author in authors:
            waiting.append((perf_counter(), self.made_post(author)))
            await asyncio.sleep(EVERY_S)
        while len(taken) < len(authors):
            await asyncio.sleep(EVERY_S)
        working.cancel()
        await asyncio.wait([working])
        return taken

    async def post(
        self, authors: Sequence[AccountId], store: RedisHomeTimelines | None = None
    ) -> None:
        """One post each, and whatever follows from it."""
        posts = [self.made_post(author) for author in authors]
        for start in range(0, len(posts), BATCH):
            await (store or self.store).apply(posts[start : start + BATCH], {})
        await (store or self.store).wait_for_pushes()

    def made_post(self, author: AccountId) -> AddPost:
        """The author's next one."""
        self._made += 1
        return AddPost(author, PostId(compose(NOON_MS + 10 * self._made, 4, 0)))

    async def _page(self, read_one: Callable[[], Awaitable[object]]) -> tuple[float, float]:
        """Milliseconds (the median), and microseconds of Redis."""
        taken = []

        async def read() -> None:
            for _ in range(PAGES):
                began = perf_counter()
                await read_one()
                taken.append((perf_counter() - began) * 1e3)

        cpu_us = await self.cpu_us(read)
        return median(taken), cpu_us / PAGES

    async def cpu_us(self, doing: Callable[[], Awaitable[object]]) -> float:
        """Microseconds of Redis's processor time, all its threads."""
        before = await used_cpu_s(self._redis)
        await doing()
        return (await used_cpu_s(self._redis) - before) * 1e6

    def _tell(self, name: str, value: float, unit: str, aim: float | None = None) -> None:
        self._figures.add(Figure(name, value, unit, aim=aim))


async def used_cpu_s(redis: Any) -> float:
    """Since it started."""
    info = await redis.info("cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"])


def p99(taken: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(taken)[len(taken) * 99 // 100]
