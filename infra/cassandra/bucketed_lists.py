"""Long lists in Cassandra, cut into partitions by time, and pages of them.

A list belongs to an owner and is sorted by item id. The ids of a bucket share their highest bits;
a directory says which buckets an owner's lists have, so that a page skips the times without any.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from infra.cassandra.view_tables import ONCE, ViewTables, Write
from projections.windows import Window

# 25 days, and 17 minutes.
MONTHS: Final = 53
MINUTES: Final = 42

DIRECTORY_COLUMNS: Final = "owner_id bigint, bucket bigint, list tinyint"
DIRECTORY_KEY: Final = """PRIMARY KEY (owner_id, bucket, list)
    |WITH CLUSTERING ORDER BY (bucket DESC, list ASC)"""
LIST_COLUMNS: Final = "owner_id bigint, list tinyint, bucket bigint, item_id bigint"
LIST_KEY: Final = """PRIMARY KEY ((owner_id, list, bucket), item_id)
    |WITH CLUSTERING ORDER BY (item_id DESC)"""

# Buckets that are named at once, and rows that are read at once of one.
NAMED_MAX: Final = 256
CHUNK_MAX: Final = 500
# Entries of the directory that are known to be there.
NOTED_MAX: Final = 100_000
FIRST_WAVE: Final = 2
WAVE_MAX: Final = 16

_NOTE: Final = """INSERT INTO @buckets (owner_id, bucket, list) VALUES (?, ?, ?)
USING TIMESTAMP ?"""
_NAMED: Final = """SELECT bucket, list FROM @buckets
WHERE owner_id = ? AND bucket >= ? AND bucket <= ? ORDER BY bucket {order} LIMIT ?"""
_BOUNDS: Final = """WHERE owner_id = ? AND list = ? AND bucket = ?
AND item_id > ? AND item_id < ? ORDER BY item_id {order} LIMIT ?"""

# By whether the walk goes upwards.
_ORDERS: Final = ("DESC", "ASC")

RowT = TypeVar("RowT")
# An item: (owner, list, item id).
Place = tuple[int, int, int]
Keep = Callable[[Sequence[Any]], Awaitable[Sequence[RowT]]]


class _Part(NamedTuple):
    bucket: int
    list_: int


class _Walk:
    """What is left of a window onto an owner's lists, and in which direction. Ids share a bucket
    that are the same without `bits`."""

    def __init__(self, owner_id: int, lists: Collection[int], window: Window, bits: int) -> None:
        self.owner_id, self.lists = owner_id, lists
        self.above, self.below, self.upwards = window.above, window.below, window.upwards
        self._bits = bits

    @property
    def buckets(self) -> tuple[int, int]:
        """The lowest and the highest bucket that may hold something."""
        return (self.above + 1) >> self._bits, (self.below - 1) >> self._bits

    def reaches(self, bucket: int) -> bool:
        """Whether the bucket may hold something."""
        lowest, highest = self.buckets
        return self.above + 1 < self.below and lowest <= bucket <= highest

    def go_to(self, bucket: int) -> None:
        """Everything before the bucket is done."""
        if self.upwards:
            self.above = max(self.above, (bucket << self._bits) - 1)
        else:
            self.below = min(self.below, (bucket + 1) << self._bits)

    def go_behind(self, bucket: int) -> None:
        """The bucket is done."""
        self.go_to(bucket + (1 if self.upwards else -1))

    def go_behind_item(self, item_id: int) -> None:
        """Everything as far as the item is done."""
        if self.upwards:
            self.above = item_id
        else:
            self.below = item_id

    def in_order(self, rows: Iterable[Any]) -> list[Any]:
        """Rows of several parts as they come on the way; the id is the first of each."""
        return sorted(rows, key=itemgetter(0), reverse=not self.upwards)

    def nearest(self, item_ids: Iterable[int]) -> int | None:
        """The one that comes first on the way."""
        return (min if self.upwards else max)(item_ids, default=None)

    def until(self, rows: Sequence[Any], item_id: int | None) -> Sequence[Any]:
        """The rows as far as the item."""
        if item_id is None:
            return rows
        return [r for r in rows if (r[0] <= item_id if self.upwards else r[0] >= item_id)]


class BucketedLists:
    """Lists in the tables `@buckets` (the directory) and `@items`.

    `columns` are those that a page reads, `item_id` being the first. Ids share a bucket that are
    the same without their lowest `bits`.
    """

    def __init__(self, tables: ViewTables, columns: str, *, bits: int = MONTHS) -> None:
        self._tables = tables
        self._bits = bits
        self._noted: set[tuple[int, int, int]] = set()
        self._named = [_NAMED.format(order=order) for order in _ORDERS]
        self._rows = [f"SELECT {columns} FROM @items {_BOUNDS.format(order=o)}" for o in _ORDERS]  # noqa: S608

    def bucket_of(self, item_id: int) -> int:
        """The bucket that holds the item."""
        return item_id >> self._bits

    def partition_of(self, owner_id: int, list_: int, item_id: int) -> tuple[int, int, int]:
        """The partition that holds the item: its key's columns in order."""
        return owner_id, list_, item_id >> self._bits

    async def write(self, writes: Iterable[Write], places: Iterable[Place]) -> None:
        """Write items, or anything, and tell the directory of the places. Raises
        StoreUnavailable."""
        noted = {(owner, item_id >> self._bits, list_) for owner, list_, item_id in places}
        noted -= self._noted
        notes = (Write(one[0], _NOTE, (*one, ONCE)) for one in noted)
        await self._tables.write(chain(writes, notes))
        if len(self._noted) > NOTED_MAX:
            self._noted.clear()
        self._noted |= noted

    async def whole(self, owner_id: int, list_: int) -> AsyncIterator[list[Any]]:
        """All rows of a list in pages, the newest first."""
        below: int | None = None
        while page := await self.page(owner_id, (list_,), Window(below), CHUNK_MAX, _all):
            yield page
            below = page[-1][0]

    async def page(
        self, owner_id: int, lists: Collection[int], window: Window, limit: int, keep: Keep[RowT]
    ) -> list[RowT]:
        """The items of these lists as one, newest first. `keep` is given rows in the order of the
        walk and leaves out those that do not stand."""
        walk = _Walk(owner_id, lists, window, self._bits)
        found: list[RowT] = []
        resume: int | None = walk.buckets[0]
        while resume is not None and len(found) < limit:
            parts, resume = await self._parts(walk)
            await self._read(parts, walk, limit, keep, found)
            if resume is not None:
                walk.go_to(resume)
        del found[limit:]
        return found[::-1] if window.upwards else found

    async def _read(
        self,
        parts: Sequence[_Part],
        walk: _Walk,
        limit: int,
        keep: Keep[RowT],
        found: list[RowT],
    ) -> None:
        """Read parts, several at once, until enough is found."""
        chunk, at_once = limit, FIRST_WAVE
        while parts and len(found) < limit:
            last = parts[:at_once][-1].bucket
            wave = [p for n, p in enumerate(parts) if n < at_once or p.bucket == last]
            rows = await self._rows_of(wave, walk, chunk)
            nearest = walk.nearest(part[-1][0] for part in rows if len(part) == chunk)
            found += await keep(walk.until(walk.in_order(chain.from_iterable(rows)), nearest))
            if nearest is None:
                walk.go_behind(last)
            else:
                walk.go_behind_item(nearest)
            parts = [part for part in parts if walk.reaches(part.bucket)]
            chunk, at_once = min(2 * chunk, CHUNK_MAX), WAVE_MAX

    async def _parts(self, walk: _Walk) -> tuple[list[_Part], int | None]:
        """The next parts on the way, and the bucket to go on with if there are more."""
        bounds = (walk.owner_id, *walk.buckets, NAMED_MAX)
        named = [_Part(*row) for row in await self._tables.read(self._named[walk.upwards], *bounds)]
        resume = named[-1].bucket if len(named) == NAMED_MAX else None
        return [p for p in named if p.list_ in walk.lists and p.bucket != resume], resume

    async def _rows_of(self, parts: Sequence[_Part], walk: _Walk, chunk: int) -> list[list[Any]]:
        return await self._tables.read_all(
            (
                self._rows[walk.upwards],
                (walk.owner_id, part.list_, part.bucket, walk.above, walk.below, chunk),
            )
            for part in parts
        )


async def _all(rows: Sequence[Any]) -> Sequence[Any]:
    return rows
