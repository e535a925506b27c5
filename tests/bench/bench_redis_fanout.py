"""Home timelines in Redis: pushes into full timelines, and a warm page, against bare Redis calls.

Redis's own processor time is told too: it says more where the machine has other things to do.

python -m tests.bench.bench_redis_fanout [url] [readers]
"""

import math
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

import uvloop

from domain.ids import AccountId, PostId, compose
from infra.redis.client import client
from infra.redis.home_keys import SHARDS, item_key, shard_of
from infra.redis.home_timelines import DEPTH, RedisHomeTimelines
from projections.home_timelines import AddPost, Operation, SetTie
from projections.windows import Window
from tests.facts import NOON_MS

NAMESPACE: Final = "bench_redis_fanout"
FOLLOWED: Final = 25
# Followers of an author; the mean is 250.
FEWEST, MOST = 100, 400
BATCH, ROUNDS = 500, 8
PAGES: Final = 2_000
FIRST_PAGE: Final = Window()
# What anybody would write first: a post at a time, to one follower after the other.
BARE_PUSH: Final = f"""
local pushed = 0
for shard = 0, {SHARDS - 1} do
    local prefix = KEYS[1] .. ':{{' .. shard .. '}}:'
    for _, reader in ipairs(redis.call('SMEMBERS', prefix .. 'followers:' .. ARGV[1])) do
        local list = prefix .. 'cache:' .. reader
        if redis.call('RPUSHX', list, ARGV[2]) > {DEPTH} then
            redis.call('LTRIM', list, {-DEPTH}, -1)
        end
        pushed = pushed + 1
    end
end
return pushed
"""


class Pushed(NamedTuple):
    """Deliveries a second, and the processor time that Redis took for each."""

    per_s: float
    cpu_us: float


class Bench:
    """Readers who follow FOLLOWED authors each; authors with FEWEST to MOST followers."""

    def __init__(self, store: RedisHomeTimelines, redis: Any, readers: int) -> None:
        self.store = store
        self.redis = redis
        self.random = random.Random(1)
        self.readers = [AccountId(compose(NOON_MS - 9_000_000 + n, 0, 0)) for n in range(readers)]
        authors = readers * FOLLOWED * 2 // (FEWEST + MOST)
        self.authors = [AccountId(compose(NOON_MS - 99_000_000 + n, 1, 0)) for n in range(authors)]
        self.followers = {one: self.random.randint(FEWEST, MOST) for one in self.authors}
        self._made = 0

    def posts(self, number: int) -> list[AddPost]:
        return [self._post(self.random.choice(self.authors)) for _ in range(number)]

    def history(self) -> list[Operation]:
        """So many posts that everybody's home is full."""
        rounds = 2 * DEPTH // FOLLOWED
        return [self._post(author) for _ in range(rounds) for author in self.authors]

    def follows(self) -> list[Operation]:
        return [
            SetTie(reader, author, True, False, 1)
            for author, followers in self.followers.items()
            for reader in self.random.sample(self.readers, followers)
        ]

    async def apply(self, operations: Sequence[Operation]) -> float:
        """Seconds for all of them in batches."""
        began = time.perf_counter()
        for start in range(0, len(operations), BATCH):
            await self.store.apply(operations[start : start + BATCH], {0: start})
        return time.perf_counter() - began

    async def push(self) -> tuple["Pushed", "Pushed"]:
        """Of bare scripts, and of a batch of the store."""
        bare, ours = self.posts(BATCH), self.posts(BATCH)
        sha = await self.redis.script_load(BARE_PUSH)

        async def push_bare() -> None:
            for author, post in bare:
                await self.redis.evalsha(sha, 1, NAMESPACE, author, item_key(post))

        return (
            await self._pushed(self._deliveries(bare), push_bare()),
            await self._pushed(self._deliveries(ours), self.apply(ours)),
        )

    async def _pushed(self, deliveries: int, push: Awaitable[object]) -> "Pushed":
        cpu_s, began = await used_cpu_s(self.redis), time.perf_counter()
        await push
        took = time.perf_counter() - began
        cpu_s = await used_cpu_s(self.redis) - cpu_s
        return Pushed(deliveries / took, cpu_s / deliveries * 1e6)

    def _deliveries(self, posts: Sequence[AddPost]) -> int:
        return sum(self.followers[post.author_id] for post in posts)

    def _post(self, author: AccountId) -> AddPost:
        self._made += 1
        return AddPost(author, PostId(compose(NOON_MS + 10 * self._made, 0, 0)))


async def fill(bench: Bench) -> None:
    """Posts, the graph, and everybody reads once: all homes are kept ready and full."""
    for what, operations in (("posts", bench.history()), ("follows", bench.follows())):
        took = await bench.apply(operations)
        print(f"{len(operations):,} {what}: {len(operations) / took:,.0f}/s")
    before = await used_bytes(bench.redis)
    began = time.perf_counter()
    for start in range(0, len(bench.readers), 100):
        for reader in bench.readers[start : start + 100]:
            await bench.store.page(reader, FIRST_PAGE, 20)
        await bench.store.wait_for_rebuilds()
    took = (time.perf_counter() - began) / len(bench.readers)
    entries = (await used_bytes(bench.redis) - before) / len(bench.readers) / DEPTH
    print(f"{len(bench.readers):,} homes pulled and built: {took * 1e6:,.0f} us each")
    print(f"Bytes an entry, with the keys: {entries:.1f}")


async def used_bytes(redis: Any) -> int:
    return int((await redis.info("memory"))["used_memory"])


async def used_cpu_s(redis: Any) -> float:
    info = await redis.info("cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"])


async def timed(redis: Any, name: str, call: Callable[[], Awaitable[object]]) -> float:
    """The median of a call in microseconds, printed."""
    taken = []
    cpu_s = await used_cpu_s(redis)
    for _ in range(PAGES):
        began = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - began) * 1e6)
    cpu_us = (await used_cpu_s(redis) - cpu_s) / PAGES * 1e6
    taken.sort()
    middle, tail = taken[len(taken) // 2], taken[-1 - len(taken) // 100]
    print(f"{name:30} p50 {middle:6.0f} us   p99 {tail:6.0f} us   {cpu_us:4.0f} us of Redis")
    return middle


async def measure(bench: Bench) -> None:
    """Everybody is kept ready, and full."""
    bare = await timed(bench.redis, "A bare round trip (GET)", lambda: bench.redis.get(NAMESPACE))

    def some_list() -> Awaitable[object]:
        reader = bench.random.choice(bench.readers)
        key = f"{NAMESPACE}:{{{shard_of(reader)}}}:cache:{reader}"
        answer: Awaitable[object] = bench.redis.lrange(key, -20, -1)
        return answer

    def page() -> Awaitable[object]:
        return bench.store.page(bench.random.choice(bench.readers), FIRST_PAGE, 20)

    await timed(bench.redis, "20 ids of a list (LRANGE)", some_list)
    warm = await timed(bench.redis, "A warm page of 20", page)
    print(f"A warm page is {warm / bare:.2f} bare round trips")
    pairs = [await bench.push() for _ in range(ROUNDS)]
    for bare_push, ours in pairs:
        print(
            f"Deliveries: bare {bare_push.per_s:,.0f}/s ({bare_push.cpu_us:.1f} us of Redis), "
            f"a batch of {BATCH} {ours.per_s:,.0f}/s ({ours.cpu_us:.1f} us)"
        )
    rate = median(ours.per_s for _, ours in pairs)
    ratio = median(ours.per_s / bare_push.per_s for bare_push, ours in pairs)
    print(f"Deliveries of a batch of {BATCH}: {rate:,.0f}/s, {ratio:.2f} of bare scripts")


async def run(url: str, readers: int) -> None:
    redis = client(url)
    store = RedisHomeTimelines(redis, NAMESPACE, threshold=math.inf, now_ms=lambda: NOON_MS)
    await store.drop()
    await store.create()
    try:
        bench = Bench(store, redis, readers)
        await fill(bench)
        await measure(bench)
    finally:
        await store.drop()
        await redis.aclose()


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "redis://127.0.0.1:6379/0"
    readers = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    uvloop.run(run(url, readers))


if __name__ == "__main__":
    main()
