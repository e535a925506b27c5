"""The read side of home timelines in Redis: a page out of what is kept ready and what is pulled.

A page of somebody kept ready is one script. Below the floor, or without a cache, everybody followed
is asked in slices, so that nobody's page holds up Redis.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, get_args

from domain.ids import ID_MAX, AccountId, PostId
from infra.redis.home_cells import Cells
from infra.redis.home_keys import item_key, item_of, shard_of
from projections.home_timelines import PLACES_MAX, Place, Source, Whereabouts
from projections.items import Item
from projections.windows import Window

# Of whom one script pulls, about.
SLICE: Final = 500
SOURCES: Final[dict[bytes, Source]] = {source.encode(): source for source in get_args(Source)}
_ACCOUNT_MAX: Final = len(str(ID_MAX))


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

    async def read(self, reader_id: AccountId, window: Window, limit: int, now_ms: int) -> Home:
        """The reader's home in the window."""
        cell = self._cells.only or await self._cells.of(reader_id)
        answer = await cell.call(
            "page",
            self._depth,
            shard_of(reader_id),
            reader_id,
            item_key(window.above),
            item_key(window.below),
            limit,
            int(window.upwards),
            now_ms,
            self._visit_every_ms,
        )
        if answer is None:
            return Home(await self._pulled(reader_id, window, limit), is_ready=False)
        floor, items = item_of(answer[0]), _items(answer)
        if window.above >= floor:
            return Home(items[::-1] if window.upwards else items, is_ready=True)
        if window.upwards:
            return Home(await self._pulled(reader_id, window, limit), is_ready=True)
        if len(items) < limit:
            rest = Window(max_id=min(window.below, floor + 1), since_id=window.above)
            items += await self._pulled(reader_id, rest, limit - len(items))
        return Home(items, is_ready=True)

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
                Place(_item(found[place], found[place + 1]), SOURCES[found[place + 2]])
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
            items = sorted({*items, *_items(answer)}, reverse=not window.upwards)[:limit]
            cursor = answer[0]
            if int(cursor) == 0:
                return items[::-1] if window.upwards else items
            if len(items) == limit and window.upwards:
                below = items[-1].item_id
            elif len(items) == limit:
                above = items[-1].item_id


def _items(answer: Sequence[Any]) -> list[Item]:
    """From the second on: item, value, item, value ..."""
    return list(map(_item, answer[1::2], answer[2::2]))


def _item(key: bytes | str, value: bytes | str) -> Item:
    """The value of an own post is its author; of a repost, who reposts, the post and its author."""
    # Ids as they come: to call each by its name takes longer than all the rest.
    number: Callable[[bytes | str], Any] = int
    item_id: Any = item_of(key)
    if len(value) <= _ACCOUNT_MAX:
        return Item(item_id, item_id, number(value), None)
    actor, post, author = value.split()
    return Item(item_id, PostId(item_of(post)), number(author), number(actor))
