"""Plain writes of commands that come to it in one turn of the loop, in few requests."""

import asyncio
from collections.abc import Sequence
from typing import Final

from infra.cassandra.log_tables import LogTables, Statement

# Rows in one request, each of a partition of its own: of more than ten Cassandra warns.
BATCH_MAX: Final = 10


class JoinedWrites:
    """Statements without conditions, of which each may be done twice, in any order."""

    def __init__(self, tables: LogTables) -> None:
        self._tables = tables
        self._due: list[Statement] = []
        self._next: asyncio.Task[None] | None = None

    async def add(self, statements: Sequence[Statement]) -> None:
        """Have them done, with what others add now: Kafka acknowledges events in groups. Raises
        StoreUnavailable: whether they were done is unknown."""
        if not statements:
            return
        self._due += statements
        if self._next is None:
            self._next = asyncio.create_task(self._write_due())
        await asyncio.shield(self._next)

    async def write(self, statements: Sequence[Statement]) -> None:
        """Have these done at once. Raises StoreUnavailable."""
        batches = [statements[at : at + BATCH_MAX] for at in range(0, len(statements), BATCH_MAX)]
        await asyncio.gather(*map(self._write_batch, batches))

    async def _write_due(self) -> None:
        due, self._due, self._next = self._due, [], None
        await self.write(due)

    async def _write_batch(self, statements: Sequence[Statement]) -> None:
        if len(statements) == 1:
            await self._tables.execute(*statements[0])
        else:
            await self._tables.batch(statements)
