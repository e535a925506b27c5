"""Reads of one partition each, of all commands that ask in a turn of the loop, in one request.

A request costs the same whatever it asks for, here and on the node: commands that come at once, or
go on at once because Kafka acknowledged their events together, ask together. One that asks alone
still goes to a node that has its partition.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from infra.cassandra.log_tables import LogTables
from infra.cassandra.rows import Row

# Partitions in one request: the node that is asked waits for the slowest of them.
PARTITIONS_MAX: Final = 16


class JoinedReads:
    """One kind of read, which `key` is given: `select` ends with its condition, "key = ?", and
    `order` follows it. Answers are small: a few rows of each partition."""

    def __init__(self, tables: LogTables, select: str, *, key: str, order: str = "") -> None:
        self._tables = tables
        self._key = key
        self._of_one = f"{select} WHERE {key} = ? {order}"
        self._of_several = f"{select} WHERE {key} IN ? {order}"
        self._turn: _Turn | None = None

    async def rows(self, partition: str) -> Sequence[Row]:
        """A partition's rows as they are from now on. Raises StoreUnavailable."""
        turn = self._turn
        if turn is None or len(turn.partitions) >= PARTITIONS_MAX:
            turn = self._turn = _Turn(self)
        turn.partitions.add(partition)
        # Who gives up waiting does not end the others' read.
        return (await asyncio.shield(turn.reading)).get(partition, ())

    async def read(self, turn: "_Turn") -> Mapping[str, Sequence[Row]]:
        """Rows of all partitions of a turn, which is over."""
        if self._turn is turn:
            self._turn = None
        if len(turn.partitions) == 1:
            (partition,) = turn.partitions
            return {partition: await self._tables.execute(self._of_one, (partition,))}
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in await self._tables.execute_unpaged(self._of_several, (list(turn.partitions),)):
            found[getattr(row, self._key)].append(row)
        return found


class _Turn:
    """What is asked for until the loop comes to reading it."""

    __slots__ = ("partitions", "reading")

    def __init__(self, reads: JoinedReads) -> None:
        self.partitions: set[str] = set()
        self.reading = asyncio.create_task(reads.read(self))
