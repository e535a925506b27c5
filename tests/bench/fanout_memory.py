"""How much of Redis home timelines take: an entry of what is kept ready, a follow, a post."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from domain.ids import IMPORT_WORKER, PostId, compose
from infra.redis.home_timelines import DEPTH
from projections.home_timelines import AddPost, SetTie
from tests.bench.fanout_costs import BATCH, Costs
from tests.bench.figures import Figure, Figures
from tests.facts import NOON_MS

SUMMER_OF_2012_MS: Final = 1_341_100_972_000
READERS, FOLLOWED, POSTS = 1_000, 100, 40


class Memory:
    """Redis's own overhead is part of every figure."""

    def __init__(self, figures: Figures, costs: Costs, redis: Any) -> None:
        self._figures = figures
        self._costs = costs
        self._redis = redis

    async def measure(self) -> None:
        """Of ids of today and of imported old ones, which once were twice as large."""
        for when, ms in (("2026", NOON_MS), ("2012", SUMMER_OF_2012_MS)):
            entry = await self._entry(ms)
            self._tell(f"An entry of a home at depth {DEPTH}, of {when}", entry, 12)
        self._tell("A follow", await self._follow())
        self._tell("A post", await self._post())

    async def _entry(self, since_ms: int) -> float:
        """A list and what is noted about it."""
        (reader,) = self._costs.people(1)
        await self._costs.be_ready([reader])
        ids = (compose(since_ms + 1_000 * number, IMPORT_WORKER, 0) for number in range(DEPTH))
        await self._costs.store.apply([AddPost(reader, PostId(one)) for one in ids], {})
        keys = [self._costs.key(what, reader) for what in ("cache", "about")]
        used = [int(await self._redis.memory_usage(key, samples=0)) for key in keys]
        return sum(used) / DEPTH

    async def _follow(self) -> float:
        """In both directions, with the register that the newest one wins by."""
        authors, readers = self._costs.people(FOLLOWED * 2), self._costs.people(READERS)
        ties = [
            SetTie(reader, authors[(place + at) % len(authors)], True, False, 1)
            for place, reader in enumerate(readers)
            for at in range(FOLLOWED)
        ]

        async def follow() -> None:
            for first in range(0, len(ties), BATCH):
                await self._costs.store.apply(ties[first : first + BATCH], {})

        return await self._grown(follow) / len(ties)

    async def _post(self) -> float:
        """In its author's timeline, and what is known of it."""
        authors = self._costs.people(BATCH)

        async def post() -> None:
            for _ in range(POSTS):
                await self._costs.post(authors)

        return await self._grown(post) / len(authors) / POSTS

    async def _grown(self, doing: Callable[[], Awaitable[object]]) -> int:
        before = await self._used()
        await doing()
        return await self._used() - before

    async def _used(self) -> int:
        return int((await self._redis.info("memory"))["used_memory"])

    def _tell(self, name: str, value: float, aim: float | None = None) -> None:
        self._figures.add(Figure(name, value, "bytes of Redis", aim=aim))
