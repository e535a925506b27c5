"""How many members a set has, in Cassandra: exact whatever comes twice, late or from two owners.

A set belongs to a target (a post's likes, say). Every event of a membership is a row of its own,
and of a member's rows the highest event decides. Members fall into 4,096 slots; who has written
rows counts the slots that they are in anew, and then the total of all slots. A count is written
with the number of rows that it was taken from as its timestamp: rows are only ever added, so who
saw more wins; and who counts last has seen everything. A set of a million has some 250 rows in a
slot, a small one has few slots.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
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
_SLOT_BITS: Final = 12
_ADD: Final = """INSERT INTO @members (target_id, family, slot, member_id, event_id, live)
VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_ROWS: Final = """SELECT target_id, slot, member_id, live FROM @members
WHERE family = ? AND slot IN ? AND target_id IN ?"""
_SET_SLOT: Final = """INSERT INTO @slots (target_id, family, slot, members, seen)
VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_SLOTS: Final = """SELECT target_id, members, seen FROM @slots
WHERE family = ? AND target_id IN ?"""
_SET_TOTAL: Final = """INSERT INTO @totals (target_id, family, members) VALUES (?, ?, ?)
USING TIMESTAMP ?"""
_TOTALS: Final = "SELECT target_id, family, members FROM @totals WHERE target_id IN ?"


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

    @staticmethod
    def writes(members: Iterable[Member]) -> list[Write]:
        """What writes memberships. They are counted afterwards."""
        return [
            Write(
                ("members", target_id),
                _ADD,
                (target_id, family, _slot_of(member_id), member_id, event_id, live, ONCE),
            )
            for target_id, family, member_id, event_id, live in members
        ]

    async def count(self, members: Iterable[Member]) -> None:
        """Count the sets of members that were written."""
        slots: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for member in members:
            slots[member.family, member.target_id].add(_slot_of(member.member_id))
        await self._count_slots(slots)
        for family, keys in by_key(slots, itemgetter(0)).items():
            await self._add_up(family, [target_id for _, target_id in keys])

    async def _count_slots(self, touched: Mapping[tuple[int, int], Collection[int]]) -> None:
        reads = list(_reads(touched))
        found = await self._tables.read_all((_ROWS, values) for values in reads)
        await self._tables.write(
            Write(("slots", target_id), _SET_SLOT, (target_id, family, slot, count, seen, seen))
            for (family, *_), rows in zip(reads, found, strict=True)
            for target_id, slot, count, seen in _counted(rows)
        )

    async def _add_up(self, family: int, target_ids: Collection[int]) -> None:
        slots = by_key(
            await self._tables.read_keys(_SLOTS, target_ids, family), attrgetter("target_id")
        )
        await self._tables.write(
            Write(
                ("totals", target_id),
                _SET_TOTAL,
                (target_id, family, sum(s.members for s in of), sum(s.seen for s in of)),
            )
            for target_id, of in slots.items()
        )

    async def totals(self, target_ids: Collection[int]) -> dict[tuple[int, int], int]:
        """How many members there are, by (target, family); those without are left out."""
        rows = await self._tables.read_keys(_TOTALS, target_ids)
        return {(target_id, family): count for target_id, family, count in rows}


def _reads(
    touched: Mapping[tuple[int, int], Collection[int]],
) -> Iterator[tuple[int, list[int], list[int]]]:
    """Families, slots and targets that are read at once."""
    for family, of_family in by_key(touched, itemgetter(0)).items():
        for keys in together({key: touched[key] for key in of_family}):
            slots = {slot for key in keys for slot in touched[key]}
            yield family, list(slots), [target_id for _, target_id in keys]


def _counted(rows: Sequence[Any]) -> Iterator[tuple[int, int, int, int]]:
    """Of each target's slot, how many of its members stand, and how many rows say so."""
    for (target_id, slot), of_slot in groupby(rows, key=itemgetter(0, 1)):
        latest: dict[int, bool] = {}
        seen = 0
        for _, _, member_id, live in of_slot:
            latest[member_id] = live
            seen += 1
        yield target_id, slot, sum(latest.values()), seen


def _slot_of(member_id: int) -> int:
    """Ids differ in their highest bits most: they are spread by Fibonacci hashing."""
    return (member_id * 0x9E37_79B9_7F4A_7C15 & 0xFFFF_FFFF_FFFF_FFFF) >> (64 - _SLOT_BITS)
