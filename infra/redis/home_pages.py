"""The read side of home timelines in Redis: a page out of what is kept ready and what is pulled.

A page of somebody kept ready is one script, and what the process keeps of pulled authors
(`home_heads`). Below the floor, or without a cache, everybody followed is asked in slices, so that
nobody's page holds up Redis.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, get_args

from domain.ids import AccountId, PostId
from infra.redis.client import RedisClient
from infra.redis.home_cells import Cells
from infra.redis.home_heads import AUTHORS_MAX, Heads, Wanted
from infra.redis.home_keys import Items, item_key, item_of, read_item, shard_of
from infra.redis.scripts import Scripts
from projections.home_timelines import PLACES_MAX, Place, Source, Whereabouts
from projections.items import Item
from projections.windows import Window

# Of whom one script pulls, about.
SLICE: Final = 500
# Of whom the pulled authors' ids are remembered: 60 bytes for each of these.
READERS_MAX: Final = 4_096
SOURCES: Final[dict[bytes, Source]] = {source.encode(): source for source in get_args(Source)}


class Home(NamedTuple):
    """A page, newest first, and whether a home is kept ready for the reader."""

    items: Sequence[Item]
    is_ready: bool


class Pages:
    """Reads pages. `visit_every_ms`: how old a visit may be before it is written down again."""

    def __init__(self, cells: Cells, *, depth: int, visit_every_ms: int) -> None:
        self._cells = cells
        self._depth = depth
        self._visit_every_ms = visit_every_ms
        self._items = Items()
        self._heads: dict[Scripts, Heads] = {}

    async def read(self, reader_id: AccountId, window: Window, limit: int, now_ms: int) -> Home:
        """The reader's home in the window."""
        cell = self._cells.only or await self._cells.of(reader_id)
        wanted = Wanted((self._depth, shard_of(reader_id), reader_id), window, limit)
        ready = await cell.ask(lambda server: self._ready(server, cell, wanted, now_ms))
        if ready is None:
            return Home(await self._pulled(reader_id, window, limit), is_ready=False)
        floor, items = ready
        if window.above >= floor:
            return Home(items[::-1] if window.upwards else items, is_ready=True)
        if window.upwards:
            return Home(await self._pulled(reader_id, window, limit), is_ready=True)
        if len(items) < limit:
            rest = Window(max_id=min(window.below, floor + 1), since_id=window.above)
            items += await self._pulled(reader_id, rest, limit - len(items))
        return Home(items, is_ready=True)

    async def _ready(
        self, server: RedisClient, cell: Scripts, wanted: Wanted, now_ms: int
    ) -> tuple[int, list[Item]] | None:
        """The floor of the home that is kept ready and what is wanted above it, in the order of
        reading, or None."""
        reader, window, limit = wanted
        asked = (
            *reader,
            item_key(window.above),
            item_key(window.below),
            limit,
            int(window.upwards),
            now_ms,
            self._visit_every_ms,
        )
        answer = await cell.call_at(server, "page", *asked, AUTHORS_MAX if server.shared else 0)
        if answer is None:
            return None
        floor, items = item_of(answer[0]), self._items.of(answer, 2)
        if not answer[1]:
            return floor, items
        pulled = await self._heads_of(cell).pulled(server, _ids(answer[1]), floor, wanted)
        if pulled is not None:
            return floor, _together(items, pulled, wanted)
        answer = await cell.call_at(server, "page", *asked, 0)
        return None if answer is None else (item_of(answer[0]), self._items.of(answer, 2))

    def _heads_of(self, cell: Scripts) -> Heads:
        if cell not in self._heads:
            self._heads[cell] = Heads(cell, self._items, depth=self._depth)
        return self._heads[cell]

    async def find(self, reader_id: AccountId, post_id: PostId) -> Whereabouts:
        """See `HomeTimelines.find`."""
        reader = (self._depth, shard_of(reader_id), reader_id, item_key(post_id))
        places: set[Place] = set()
        cell = self._cells.only or await self._cells.of(reader_id)
        cursor: bytes | str = "0"
        while True:
            cursor, author, deleted, *found = await cell.call("find", *reader, cursor, SLICE)
            # A scan may meet somebody twice.
            places.update(
                Place(read_item(found[place], found[place + 1]), SOURCES[found[place + 2]])
                for place in range(0, len(found), 3)
            )
            if int(cursor) == 0:
                newest = sorted(places, reverse=True)[:PLACES_MAX]
                return Whereabouts(AccountId(int(author)) if author else None, deleted == 1, newest)

    async def _pulled(self, reader_id: AccountId, window: Window, limit: int) -> list[Item]:
        """What the window holds, from the items of everybody followed."""
        items: list[Item] = []
        above, below = window.above, window.below
        cell = self._cells.only or await self._cells.of(reader_id)
        cursor: bytes | str = "0"
        while True:
            answer = await cell.call(
                "pull",
                self._depth,
                shard_of(reader_id),
                reader_id,
                item_key(above),
                item_key(below),
                limit,
                int(window.upwards),
                cursor,
                SLICE,
            )
            # A scan may meet somebody twice.
            items = sorted({*items, *self._items.of(answer, 1)}, reverse=not window.upwards)[:limit]
            cursor = answer[0]
            if int(cursor) == 0:
                return items[::-1] if window.upwards else items
            if len(items) == limit and window.upwards:
                below = items[-1].item_id
            elif len(items) == limit:
                above = items[-1].item_id


@lru_cache(READERS_MAX)
def _ids(names: bytes) -> tuple[int, ...]:
    """What a script answers as one text: a reader's pulled authors are the same for long."""
    return tuple(map(int, names.split()))


def _together(items: list[Item], pulled: list[Item], wanted: Wanted) -> list[Item]:
    if not items:
        return pulled
    return sorted({*items, *pulled}, reverse=not wanted.window.upwards)[: wanted.limit]
