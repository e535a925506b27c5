"""The read side of home timelines: a page out of what is kept ready and what is pulled.

Above a ready home's floor a page comes from the items that are kept there, as far as they are
live, and from pulled authors; below the floor, or if none is ready, from all authors. A page of
several parts is read in one snapshot, so that it sees a batch whole or not at all; what is kept
ready and asks nobody else needs none, as it is pushed in the order of the log.
"""

import sqlite3
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import orjson

from domain.ids import AccountId
from infra.sqlite.home_merge import SHOWN, Source, merged
from infra.sqlite.home_ready import ReadyHome, ReadyHomes
from infra.sqlite.kept_rows import KeptRows
from infra.sqlite.projection_file import ProjectionFile
from projections.items import Item
from projections.windows import Window

# Following this many, one most likely finds a page among everybody's newest items, at less cost
# than by asking what each of the followed posted.
MANY_FOLLOWED: Final = 1_000
SCANNED_MAX: Final = 1_000
# Some 250 bytes each.
ITEMS_KEPT: Final = 60_000

_PULLS: Final = """SELECT EXISTS (SELECT 1 FROM ties INDEXED BY pulled_ties
    WHERE reader_id = ? AND pulled = 1 AND follows = 1)"""
_ITEM: Final = """i.item_id, i.post_id, i.post_author_id,
    CASE i.post_id WHEN i.item_id THEN NULL ELSE i.actor_id END"""
_FOLLOWED: Final = """(i.actor_id = :reader OR EXISTS (SELECT 1 FROM ties t
    WHERE t.reader_id = :reader AND t.other_id = i.actor_id AND t.follows = 1 AND t.hides = 0))"""
_KEPT: Final = f"""SELECT {_ITEM} FROM json_each(:ids) kept
CROSS JOIN items i INDEXED BY items_by_id ON i.item_id = kept.value
WHERE {_FOLLOWED} AND {SHOWN}"""
_LIVE: Final = f"""SELECT {_ITEM} FROM json_each(?) kept
CROSS JOIN items i INDEXED BY items_by_id ON i.item_id = kept.value"""
_EVERYBODYS: Final = f"""SELECT {_ITEM} FROM items i INDEXED BY items_by_id
WHERE i.item_id > :above AND i.item_id < :below AND i.item_id {{within}} COALESCE(
    (SELECT item_id FROM items INDEXED BY items_by_id WHERE item_id > :above AND item_id < :below
    ORDER BY item_id {{order}} LIMIT 1 OFFSET {SCANNED_MAX}), {{end}})
AND {_FOLLOWED} AND {SHOWN} ORDER BY i.item_id {{order}} LIMIT :limit"""
_FOLLOWS_MANY: Final = f"""SELECT 1 FROM ties WHERE reader_id = ? AND follows = 1
LIMIT 1 OFFSET {MANY_FOLLOWED - 1}"""


def _of_merge(source: Source, *, upwards: bool) -> str:
    return f"""{merged(source, upwards=upwards)} SELECT {_ITEM} FROM merged m
    CROSS JOIN items i ON i.actor_id = m.actor_id AND i.item_id = m.item_id"""


class _Direction(NamedTuple):
    """The statements of one reading direction."""

    everybodys: str
    pulled: str
    followed: str


def _direction(*, upwards: bool) -> _Direction:
    order = "ASC" if upwards else "DESC"
    return _Direction(
        everybodys=_EVERYBODYS.format(
            order=order, within="<" if upwards else ">", end=":below" if upwards else ":above"
        ),
        pulled=_of_merge("pulled", upwards=upwards),
        followed=_of_merge("followed", upwards=upwards),
    )


_UP: Final = _direction(upwards=True)
_DOWN: Final = _direction(upwards=False)


class _Ready(NamedTuple):
    """What is ready of a home: complete above `floor` but for pulled authors, if there are any."""

    ids: "array[int]"
    floor: int
    pulls: bool


class HomePages:
    """Reads homes out of a file and what is ready. Any thread may."""

    def __init__(self, file: ProjectionFile, ready: ReadyHomes) -> None:
        self._file = file
        self._ready = ready
        self._live: KeptRows[int, Item] = KeptRows(
            file, {"items": "item_id"}, self._read_live, limit=ITEMS_KEPT
        )

    def read(self, reader_id: AccountId, window: Window, limit: int) -> Sequence[Item]:
        """The reader's home in the window, as it is at one moment, newest first."""
        home = self._ready.get(reader_id)
        kept = None if home is None else self._kept(home, window, limit)
        return self._merged(reader_id, window, limit) if kept is None else kept

    def _kept(self, home: ReadyHome, window: Window, limit: int) -> list[Item] | None:
        """The page out of what is kept ready alone; None if more is needed."""
        ids, floor, above = home.ids, home.floor, window.above
        if window.upwards and above < floor:
            return None
        within = ids[bisect_right(ids, max(above, floor)) : bisect_left(ids, window.below)]
        # Asked only now: of who begins to be pulled nothing is among these ids then.
        if home.pulls:
            return None
        if not window.upwards:
            within.reverse()
        items = self._standing(within, home.hidden, limit)
        if len(items) < limit and above < floor:
            return None
        return items[::-1] if window.upwards else items

    def _standing(self, ids: "array[int]", hidden: frozenset[AccountId], limit: int) -> list[Item]:
        """The first of the items that are live and not hidden."""
        items: list[Item] = []
        at = 0
        while at < len(ids) and (missing := limit - len(items)):
            some = ids[at : at + missing].tolist()
            at += missing
            live = self._live.get(some)
            found = [live[item_id] for item_id in some if item_id in live]
            items += [item for item in found if not _is_hidden(item, hidden)] if hidden else found
        return items

    def _merged(self, reader_id: AccountId, window: Window, limit: int) -> Sequence[Item]:
        connection = self._file.reader
        with _snapshot(connection):
            # The snapshot begins with this; only then may be looked at what is ready.
            (pulls,) = connection.execute(_PULLS, (reader_id,)).fetchone()
            home = self._ready.get(reader_id)
            kept = None if home is None else _Ready(home.ids, home.floor, bool(pulls))
            page = _Page(connection, reader_id, window.above, limit)
            if window.upwards:
                return page.upwards(kept, window.below)
            return page.downwards(kept, window.below)

    def _read_live(self, item_ids: Collection[int]) -> Mapping[int, Item]:
        rows = self._file.reader.execute(_LIVE, (orjson.dumps(list(item_ids)),))
        return {row[0]: Item._make(row) for row in rows}


def _is_hidden(item: Item, hidden: frozenset[AccountId]) -> bool:
    return item.author_id in hidden or item.reposted_by_id in hidden


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


class _Page(NamedTuple):
    """One page being read."""

    connection: sqlite3.Connection
    reader_id: AccountId
    above: int
    limit: int

    def downwards(self, kept: _Ready | None, below: int) -> list[Item]:
        """The newest items of the window, newest first."""
        if kept is None:
            return self._pull(_DOWN, below, self.limit)
        items = self._ready(_DOWN, kept, below) if below > kept.floor else []
        missing = self.limit - len(items)
        if missing and self.above < kept.floor:
            items += self._pull(_DOWN, min(below, kept.floor + 1), missing)
        return items

    def upwards(self, kept: _Ready | None, below: int) -> list[Item]:
        """The oldest items of the window, newest first."""
        if kept is None or self.above < kept.floor:
            return self._pull(_UP, below, self.limit)[::-1]
        return self._ready(_UP, kept, below)[::-1]

    def _ready(self, direction: _Direction, kept: _Ready, below: int) -> list[Item]:
        """What the window holds above the floor."""
        above = max(self.above, kept.floor)
        items = self._standing(direction, kept.ids, above, below)
        if not kept.pulls:
            return items
        pulled = self._items(direction.pulled, above, below, self.limit)
        # An author who became pulled left items behind: the same one may come both ways.
        both = sorted({*items, *pulled}, reverse=direction is _DOWN)
        return both[: self.limit]

    def _standing(
        self, direction: _Direction, ids: "array[int]", above: int, below: int
    ) -> list[Item]:
        """The first of the items between these ids that stand in the reader's home."""
        within = ids[bisect_right(ids, above) : bisect_left(ids, below)]
        if direction is _DOWN:
            within.reverse()
        items: list[Item] = []
        at = 0
        while at < len(within) and (missing := self.limit - len(items)):
            some = orjson.dumps(within[at : at + missing].tolist())
            at += missing
            rows = self.connection.execute(_KEPT, {"reader": self.reader_id, "ids": some})
            items += map(Item._make, rows)
        return items

    def _pull(self, direction: _Direction, below: int, limit: int) -> list[Item]:
        """What the window holds, from the items of everybody followed."""
        if self.connection.execute(_FOLLOWS_MANY, (self.reader_id,)).fetchone():
            items = self._items(direction.everybodys, self.above, below, limit)
            if len(items) == limit:
                return items
        return self._items(direction.followed, self.above, below, limit)

    def _items(self, sql: str, above: int, below: int, limit: int) -> list[Item]:
        bounds = {"reader": self.reader_id, "above": above, "below": below, "limit": limit}
        return list(map(Item._make, self.connection.execute(sql, bounds)))
