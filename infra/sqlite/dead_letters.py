"""Parked events in a SQLite file of their own."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.sqlite.connections import Readers, connect
from projections.projection import StoreUnavailable
from streams.pipeline import Parked

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dead_letters (
    projection TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL,
    key INTEGER, error TEXT NOT NULL,
    PRIMARY KEY (projection, partition, position)) WITHOUT ROWID
"""


class SqliteDeadLetters:
    """Implements `streams.pipeline.DeadLetters`."""

    def __init__(self, path: Path) -> None:
        self._writer = connect(path, synchronous="FULL")
        self._writer.execute(_SCHEMA)
        self._readers = Readers(path)

    async def park(self, parked: Sequence[Parked]) -> None:
        """See `DeadLetters.park`."""
        try:
            self._writer.executemany(
                "INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?)", parked
            )
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error

    async def keys(self, projection: str) -> frozenset[int]:
        """See `DeadLetters.keys`."""
        rows = self._readers.get().execute(
            "SELECT DISTINCT key FROM dead_letters WHERE projection = ? AND key IS NOT NULL",
            (projection,),
        )
        return frozenset(row[0] for row in rows)

    async def parked(self, projection: str | None, limit: int) -> Sequence[Parked]:
        """The oldest dead letters, of one projection or of all."""
        rows = self._readers.get().execute(
            "SELECT * FROM dead_letters WHERE ?1 IS NULL OR projection = ?1 "
            "ORDER BY projection, partition, position LIMIT ?2",
            (projection, limit),
        )
        return [Parked(*row) for row in rows]

    def close(self) -> None:
        """Close all connections."""
        self._readers.close()
        self._writer.close()
