"""How costs of home timelines grow: of a delivery with the author's followers, of a page with the
number of users. Redis's processor time, all its threads."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any, Final, NamedTuple

from domain.ids import AccountId, PostId
from infra.redis.home_keys import item_key, shard_of
from infra.redis.home_timelines import RedisHomeTimelines
from projections.home_timelines import SetTie
from projections.windows import Window
from tests.bench.fanout_costs import BATCH, PAIRS, Costs
from tests.bench.figures import Curve, Figure, Figures

AUTHORS, FOLLOWED, POSTS, KEPT = 500, 20, 20, 5
PAGE, PAGES, TURNS, TOGETHER = 20, 400, 15, 16
TIMES_MAX: Final = 10
# A reader who follows these authors, and has the newest posts of each kept ready.
SETTLE: Final = f"""
local ids, authors = {{}}, {{}}
for place = 1, {FOLLOWED} do authors[place] = ARGV[place] end
for place = 1, {FOLLOWED * KEPT} do ids[place] = ARGV[{FOLLOWED} + place] end
for place = {FOLLOWED * (KEPT + 1) + 1}, #ARGV, 2 do
    local prefix = KEYS[1] .. ':{{' .. ARGV[place] .. '}}:'
    local reader = ARGV[place + 1]
    redis.call('SADD', prefix .. 'following:' .. reader, unpack(authors))
    redis.call('RPUSH', prefix .. 'cache:' .. reader, unpack(ids))
    redis.call('HSET', prefix .. 'about:' .. reader, 'floor', '{item_key(0)}', 'sorted', #ids)
end
"""


class Growth(NamedTuple):
    """How far it is measured."""

    readers: int
    followers: Sequence[int]
    users: Sequence[int]


WHOLE: Final = Growth(
    100_000, (1, 10, 100, 1_000, 10_000, 100_000), (1_000, 10_000, 100_000, 300_000)
)
QUICK: Final = Growth(10_000, (1, 10, 100, 1_000, 10_000), (1_000, 10_000, 30_000))


class Curves:
    """Two curves, each on a store of its own."""

    def __init__(self, figures: Figures, growth: Growth) -> None:
        self._figures = figures
        self._growth = growth
        self._per_post: list[float] = []

    async def per_delivery(self, costs: Costs) -> None:
        """The readers are the same ones whatever the author's followers are, so that it is as
        likely that what is pushed to is in the processor's cache."""
        readers = costs.people(self._growth.readers)
        await costs.be_ready(readers)
        nobodys = costs.people(BATCH)
        points: list[tuple[float, float]] = []
        for followers in self._growth.followers:
            made = costs.people(min(BATCH, len(readers) // followers))
            await _follow_evenly(costs, made, readers, followers)
            await costs.calm()
            # Few microseconds in all would be lost among what others do.
            times = min(TIMES_MAX, len(readers) // followers // len(made))
            taken = [
                await self._a_delivery(costs, nobodys * times, made * times, followers)
                for _ in range(PAIRS)
            ]
            points.append((followers, median(taken)))
            self._tell(f"A delivery, of {followers:,} followers", points[-1][1])
        cheap, dear = min(y for _, y in points), max(y for _, y in points)
        self._tell("  and a post to nobody, in batches", median(self._per_post))
        name = "  the dearest of these"
        self._figures.add(Figure(name, dear, "us of Redis", "the cheapest", dear / cheap))
        self._figures.curves.append(
            Curve(
                "cost_per_delivery",
                "Cost of a delivery into a home timeline",
                "",
                "followers of the author",
                "microseconds of Redis's processor time",
                points,
                log=True,
            )
        )

    async def _a_delivery(
        self, costs: Costs, nobodys: Sequence[AccountId], made: Sequence[AccountId], followers: int
    ) -> float:
        """Beyond what a post costs that nobody gets."""
        per_post = await costs.cpu_us(lambda: costs.post(nobodys)) / len(nobodys)
        self._per_post.append(per_post)
        taken = await costs.cpu_us(lambda: costs.post(made))
        return (taken - per_post * len(made)) / len(made) / followers

    async def per_page(self, costs: Costs, store: RedisHomeTimelines, town: "Homes") -> None:
        """Pages of readers by lot."""
        await town.write(store, costs)
        points: list[tuple[float, float]] = []
        lot = random.Random(5)
        for before, users in pairwise((0, *self._growth.users)):
            await town.settle(costs.people(users - before))
            await costs.calm()
            taken = [
                await costs.cpu_us(partial(_read, store, lot.choices(town.readers, k=PAGES)))
                for _ in range(TURNS)
            ]
            points.append((users, cpu_us := median(taken) / PAGES))
            self._tell(f"A page of {PAGE}, of {users:,} users", cpu_us)
        self._figures.curves.append(
            Curve(
                "cost_per_page",
                "Cost of a home timeline's first page",
                "",
                "users whose homes are kept ready",
                "microseconds of Redis's processor time",
                points,
                log=True,
            )
        )

    def _tell(self, name: str, value: float) -> None:
        self._figures.add(Figure(name, value, "us of Redis"))


class Homes:
    """Readers with homes that are alike: of FOLLOWED authors each, in one order or another."""

    def __init__(self, redis: Any, namespace: str) -> None:
        self.readers: list[AccountId] = []
        self._redis = redis
        self._namespace = namespace
        self._posts: dict[AccountId, list[PostId]] = {}

    async def write(self, store: RedisHomeTimelines, costs: Costs) -> None:
        """The authors and their posts."""
        self._posts = {author: [] for author in costs.people(AUTHORS)}
        for _ in range(POSTS):
            posts = [costs.made_post(author) for author in self._posts]
            await store.apply(posts, {})
            for author, post in posts:
                self._posts[author].append(post)

    async def settle(self, readers: Sequence[AccountId]) -> None:
        """So many more of them."""
        script = self._redis.register_script(SETTLE)
        authors = [*self._posts]
        for turn, first in enumerate(range(0, len(readers), BATCH)):
            some = readers[first : first + BATCH]
            begin = turn * FOLLOWED // 2 % AUTHORS
            followed = (authors[begin:] + authors)[:FOLLOWED]
            ids = sorted(post for author in followed for post in self._posts[author][-KEPT:])
            places = [value for one in some for value in (shard_of(one), one)]
            await script([self._namespace], [*followed, *map(item_key, ids), *places])
        self.readers += readers


async def _follow_evenly(
    costs: Costs, authors: Sequence[AccountId], readers: Sequence[AccountId], number: int
) -> None:
    """Each author gets so many of the readers: others, as far as there are any."""
    step = len(readers) // len(authors)
    ties = [
        SetTie(reader, author, True, False, 1)
        for place, author in enumerate(authors)
        for reader in readers[place * step : place * step + number]
    ]
    for first in range(0, len(ties), BATCH):
        await costs.store.apply(ties[first : first + BATCH], {})


async def _read(store: RedisHomeTimelines, readers: Sequence[AccountId]) -> None:
    for first in range(0, len(readers), TOGETHER):
        some = readers[first : first + TOGETHER]
        pages = await asyncio.gather(*(store.page(one, Window(), PAGE) for one in some))
        assert all(len(found) == PAGE for found in pages)
