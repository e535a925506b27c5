"""The newest items of pulled authors, kept in the process that merges them into home pages.

Few authors are pulled, and each is on the pages of very many readers. Redis tells on the connection
of all commands when one of their timelines changes (`near_values`). So once it has answered for a
page, what is kept of an author is as of that answer or later: a page costs Redis no look-up for
each author that it pulls.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast
from weakref import WeakKeyDictionary

from domain.ids import AccountId
from infra.redis.client import RedisClient
from infra.redis.home_keys import Items, item_key
from infra.redis.near_values import Near, NearShelf
from infra.redis.scripts import Scripts
from infra.redis.shared_connection import SharedConnection
from projections.items import Item, reposter_of
from projections.windows import Window

# Items of one author, and authors, some 150 bytes for each of these.
HEAD: Final = 64
HEADS_MAX: Final = 4_000
# Redis merges what more of them posted: it needs few items of each.
AUTHORS_MAX: Final = 100
_ID: Final = itemgetter(0)


class Head(NamedTuple):
    """An author's newest items, the newest last, and their ids; all that there are if `whole`."""

    ids: Sequence[int]
    items: Sequence[Item]
    whole: bool


class Wanted(NamedTuple):
    """The first `limit` items of a window; `reader` is depth, shard and id, as scripts take it."""

    reader: tuple[int, int, AccountId]
    window: Window
    limit: int


class _Kept(NamedTuple):
    near: Near
    heads: NearShelf[Head]


class Heads:
    """Of one cell, on whichever server has it."""

    def __init__(self, cell: Scripts, items: Items, *, depth: int) -> None:
        self._cell = cell
        self._items = items
        self._depth = depth
        # As `timeline` in home_names.lua.
        self._prefix = f"{cell.key}:timeline:"
        self._kept: WeakKeyDictionary[SharedConnection, _Kept] = WeakKeyDictionary()

    async def pulled(
        self, server: RedisClient, authors: Sequence[int], floor: int, wanted: Wanted
    ) -> list[Item] | None:
        """What is wanted above the floor of these authors' items, in the order of reading, as of
        the server's last answer or later; None if there may be more than can be kept here."""
        connection = server.shared
        if connection is None:
            return None
        heads = await self._of(server, connection, authors)
        _, window, limit = wanted
        above = max(window.above, floor)
        items = merged(heads, above=above, below=window.below, limit=limit, upwards=window.upwards)
        if items is None or not any(map(reposter_of, items)):
            return items
        # What is reposted may be gone or hidden: an author's timeline does not say so.
        ids = [item_key(item.item_id) for item in items]
        shown = self._items.of(await self._cell.call_at(server, "visible", *wanted.reader, *ids), 0)
        return None if len(shown) < len(items) == limit else shown

    async def _of(
        self, server: RedisClient, connection: SharedConnection, authors: Sequence[int]
    ) -> Sequence[Head]:
        near, heads = self._at(connection)
        kept = heads.each_of(authors)
        if kept is not None:
            return cast("list[Head]", kept)
        known = {one: heads.get(one) for one in authors if heads.has(one)}
        missing = [one for one in authors if one not in known]
        # Redis tells of keys that a script was given, not of those that it finds.
        keys = [f"{self._prefix}{author}" for author in missing]
        changes = near.changes()
        told = await self._cell.call_at(server, "heads", self._depth, HEAD, *missing, tracked=keys)
        for author, key, answer in zip(missing, keys, told, strict=True):
            known[author] = head = self._head(answer)
            if not changes.concern(key):
                heads.keep(author, head)
        return [head for head in known.values() if head is not None]

    def _head(self, answer: Sequence[Any]) -> Head:
        items = self._items.of(answer, 1)[::-1]
        return Head([item.item_id for item in items], items, whole=answer[0] < HEAD)

    def _at(self, connection: SharedConnection) -> _Kept:
        kept = self._kept.get(connection)
        if kept is None:
            near = Near(connection)
            kept = self._kept[connection] = _Kept(near, near.shelf(self._prefix, HEADS_MAX))
        return kept


def merged(
    heads: Sequence[Head], *, above: int, below: int, limit: int, upwards: bool
) -> list[Item] | None:
    """The first items between two ids, newest first or `upwards`; None if there may be some among
    them that no head has."""
    if upwards:
        return _oldest(heads, above, below, limit)
    return _newest(heads, above, below, limit)


def _newest(heads: Sequence[Head], above: int, below: int, limit: int) -> list[Item] | None:
    # Of a few of each, a little more than if all posted alike, the last that fits is no newer than
    # the last of all. So no item below it is looked at.
    few = 1 + 5 * limit // (4 * max(1, len(heads)))
    stops: list[int] = []
    some: list[int] = []
    for ids, _, _ in heads:
        stop = len(ids) if not ids or ids[-1] < below else bisect_left(ids, below)
        stops.append(stop)
        some += ids[stop - few if stop > few else 0 : stop]
    some.sort()
    lowest = max(above + 1, some[-limit]) if len(some) >= limit else above + 1
    found: list[Item] = []
    for (ids, items, whole), stop in zip(heads, stops, strict=True):
        place = stop
        while place and ids[place - 1] >= lowest:
            place -= 1
            found.append(items[place])
        if not place and not whole and (not ids or ids[0] > lowest):
            return None
    found.sort(key=_ID, reverse=True)
    return found[:limit]


def _oldest(heads: Sequence[Head], above: int, below: int, limit: int) -> list[Item] | None:
    if any(not whole and ids[0] > above for ids, _, whole in heads):
        return None
    found: list[Item] = []
    for ids, items, _ in heads:
        first = bisect_right(ids, above)
        found += items[first : first + limit]
    return [item for item in sorted(found)[:limit] if item.item_id < below]
