"""How many members a set has, in Cassandra: exact whatever comes twice, late or from two owners.

A set belongs to a target (a post's likes, say). Every event of a membership is a row of its own,
and of a member's rows the highest event decides. Who has written rows counts anew: a small set as a
whole. Members of a large one fall into 4,096 slots: those that the rows are in are counted, and
then added up with all others. A count is written with the number of rows that it was taken from as
its timestamp: rows are only ever added, so who saw more wins; and who counts last has seen
everything. A set of a million has some 250 rows in a slot.

Who is the first to find a set large counts all its slots and then marks it. That misses nobody's
rows: who found the set small before had written them by then, who writes later counts their slots.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

from infra.cassandra.view_tables import ONCE, ViewTables, Write, by_key, together

SCHEMA: Final = {
    "members": """target_id bigint, family tinyint, slot smallint, member_id bigint,
    event_id bigint, live boolean, PRIMARY KEY (target_id, family, slot, member_id, event_id)""",
    "slots": """target_id bigint, family tinyint, slot smallint, members int, seen int,
    PRIMARY KEY (target_id, family, slot)""",
    "totals": """target_id bigint, family tinyint, members int,
    PRIMARY KEY (target_id, family)""",
}
# A set of so many rows is small: it is counted in two steps, where slots take four.
SMALL_MAX: Final = 256
# Sets that are known to be large.
KNOWN_MAX: Final = 100_000
_SLOT_BITS: Final = 12
# Nobody's slot, which is there once all others have been counted.
_MARK: Final = -1
_ADD: Final = """INSERT INTO @members (target_id, family, slot, member_id, event_id, live)
VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_COLUMNS: Final = "family, target_id, slot, member_id, live"
_FIRST: Final = f"""SELECT {_COLUMNS} FROM @members
WHERE family = ? AND target_id IN ? PER PARTITION LIMIT {{limit}}"""  # noqa: S608 - our own words
_ALL: Final = f"SELECT {_COLUMNS} FROM @members WHERE family = ? AND target_id = ?"  # noqa: S608
_ROWS: Final = f"""SELECT {_COLUMNS} FROM @members
WHERE family = ? AND slot IN ? AND target_id IN ?"""  # noqa: S608
_SET_SLOT: Final = """INSERT INTO @slots (target_id, family, slot, members, seen)
VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_MARKED: Final = f"""SELECT family, target_id FROM @slots
WHERE family = ? AND slot = {_MARK} AND target_id IN ?"""  # noqa: S608
_SUM: Final = """SELECT sum(members) AS members, sum(seen) AS seen FROM @slots
WHERE family = ? AND target_id = ?"""
_SET_TOTAL: Final = """INSERT INTO @totals (target_id, family, members) VALUES (?, ?, ?)
USING TIMESTAMP ?"""
_TOTALS: Final = "SELECT target_id, family, members FROM @totals WHERE target_id IN ?"

# A set by family and target; and which of its slots are concerned.
_Set = tuple[int, int]
_Touched = Mapping[_Set, Collection[int]]
_set_of: Final = itemgetter(0, 1)
_slot_key: Final = itemgetter(0, 1, 2)


class Member(NamedTuple):
    """Whether something is in a set of the target's, as of an event."""

    target_id: int
    family: int
    member_id: int
    event_id: int
    live: bool


class Tallies:
    """Sets in the tables `@members`, `@slots` and `@totals` of a view."""

    def __init__(self, tables: ViewTables) -> None:
        self._tables = tables
        self._large: set[_Set] = set()

    @staticmethod
    def writes(members: Iterable[Member]) -> list[Write]:
        """What writes memberships. They are counted afterwards."""
        return [
            Write(
                target_id,
                _ADD,
                (target_id, family, _slot_of(member_id), member_id, event_id, live, ONCE),
            )
            for target_id, family, member_id, event_id, live in members
        ]

    async def count(self, members: Iterable[Member]) -> None:
        """Count the sets of members that were written. Raises StoreUnavailable."""
        touched: defaultdict[_Set, set[int]] = defaultdict(set)
        for member in members:
            touched[member.family, member.target_id].add(_slot_of(member.member_id))
        if not touched:
            return
        large = {one: slots for one, slots in touched.items() if one in self._large}
        small = {one: slots for one, slots in touched.items() if one not in large}
        await asyncio.gather(self._count_slots(large), self._count_whole(small))

    async def totals(self, target_ids: Collection[int]) -> dict[tuple[int, int], int]:
        """How many members there are, by (target, family); those without are left out. Raises
        StoreUnavailable."""
        rows = await self._tables.read_keys(_TOTALS, target_ids)
        return {(target_id, family): count for target_id, family, count in rows}

    async def _count_whole(self, touched: _Touched) -> None:
        """Count sets that may be small."""
        rows = await self._read(_FIRST.format(limit=SMALL_MAX + 1), touched)
        rows_of = by_key(rows, _set_of)
        larger = {one: touched[one] for one, of in rows_of.items() if len(of) > SMALL_MAX}
        small = (
            _total(one, _standing(of), len(of)) for one, of in rows_of.items() if one not in larger
        )
        await asyncio.gather(self._tables.write(small), self._count_larger(larger))

    async def _count_larger(self, touched: _Touched) -> None:
        """Count sets that turned out to be large."""
        if not touched:
            return
        marked = set(map(_set_of, await self._read(_MARKED, touched)))
        await asyncio.gather(*(self._begin_slots(one) for one in touched if one not in marked))
        if len(self._large) > KNOWN_MAX:
            self._large.clear()
        self._large.update(touched)
        await self._count_slots(touched)

    async def _begin_slots(self, one: _Set) -> None:
        await self._write_slots(await self._tables.read(_ALL, *one))
        await self._tables.write([_slot(one, _MARK, 0, ONCE)])

    async def _count_slots(self, touched: _Touched) -> None:
        """Count these slots of large sets, and then the sets."""
        if not touched:
            return
        found = await self._tables.read_all((_ROWS, values) for values in _reads(touched))
        await self._write_slots(chain.from_iterable(found))
        sums = await self._tables.read_all((_SUM, one) for one in touched)
        await self._tables.write(_total(one, *of[0]) for one, of in zip(touched, sums, strict=True))

    async def _write_slots(self, rows: Iterable[Any]) -> None:
        """Write what slots say of which these are all rows."""
        await self._tables.write(
            _slot((family, target_id), slot, _standing(of), len(of))
            for (family, target_id, slot), of in by_key(rows, _slot_key).items()
        )

    async def _read(self, cql: str, touched: _Touched) -> Iterable[Any]:
        """The rows of sets, with one statement for each family and some of its targets."""
        found = await asyncio.gather(
            *(
                self._tables.read_keys(cql, [target_id for _, target_id in sets], family)
                for family, sets in by_key(touched, itemgetter(0)).items()
            )
        )
        return chain.from_iterable(found)


def _reads(touched: _Touched) -> Iterator[tuple[int, list[int], list[int]]]:
    """Families, slots and targets that are read at once."""
    for family, of_family in by_key(touched, itemgetter(0)).items():
        for keys in together({key: touched[key] for key in of_family}):
            slots = {slot for key in keys for slot in touched[key]}
            yield family, list(slots), [target_id for _, target_id in keys]


def _standing(rows: Iterable[Any]) -> int:
    """How many members stand of which these are all rows, in the order of their events."""
    return sum({row.member_id: row.live for row in rows}.values())


def _slot(one: _Set, slot: int, count: int, seen: int) -> Write:
    family, target_id = one
    return Write(target_id, _SET_SLOT, (target_id, family, slot, count, seen, seen))


def _total(one: _Set, count: int, seen: int) -> Write:
    family, target_id = one
    return Write(target_id, _SET_TOTAL, (target_id, family, count, seen))


def _slot_of(member_id: int) -> int:
    """Ids differ in their highest bits most: they are spread by Fibonacci hashing."""
    return (member_id * 0x9E37_79B9_7F4A_7C15 & 0xFFFF_FFFF_FFFF_FFFF) >> (64 - _SLOT_BITS)
