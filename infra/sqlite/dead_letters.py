"""Parked events in a SQLite file of their own."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from domain.errors import Unavailable
from infra.sqlite.connections import Readers, connect, transaction
from projections.projection import StoreUnavailable
from read_api.ports import DeadLetter, LetterPlace
from streams.dead_letters import Asked, Parked

Request = Literal["retry", "discard"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dead_letters (
    projection TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL,
    key INTEGER, error TEXT NOT NULL, requested TEXT,
    PRIMARY KEY (projection, partition, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requested ON dead_letters (projection) WHERE requested IS NOT NULL;
"""
_PLACE: Final = "projection = ? AND partition = ? AND position = ?"
_LETTER: Final = "projection, partition, position, key, error"


class SqliteDeadLetters:
    """Implements `streams.pipeline.DeadLetters` for the projections' thread, and for the server's
    `read_api.ports.DeadLetters` and `commands.ports.DeadLetterRequests`."""

    def __init__(self, path: Path) -> None:
        self._writer = connect(path, synchronous="FULL")
        self._writer.executescript(_SCHEMA)
        self._lock = threading.Lock()
        self._readers = Readers(path)

    async def park(self, parked: Sequence[Parked]) -> None:
        """See `streams.pipeline.DeadLetters.park`."""
        letters = [letter._replace(error=_storable(letter.error)) for letter in parked]
        with self._writing() as writer:
            writer.executemany(
                "INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?, NULL)", letters
            )

    async def keys(self, projection: str) -> frozenset[int]:
        """See `streams.pipeline.DeadLetters.keys`."""
        rows = self._rows(
            "SELECT DISTINCT key FROM dead_letters WHERE projection = ? AND key IS NOT NULL",
            projection,
        )
        return frozenset(row[0] for row in rows)

    async def asked(self, projection: str) -> Sequence[Asked]:
        """See `streams.pipeline.DeadLetters.asked`."""
        rows = self._rows(
            f"SELECT {_LETTER}, requested FROM dead_letters INDEXED BY requested "  # noqa: S608
            "WHERE projection = ? AND requested IS NOT NULL ORDER BY partition, position",
            projection,
        )
        return [Asked(Parked(*row[:5]), row[5] == "discard") for row in rows]

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """See `streams.pipeline.DeadLetters.queue_of`."""
        if letter.key is None:
            rows = self._rows(
                f"SELECT {_LETTER} FROM dead_letters WHERE {_PLACE}",  # noqa: S608
                *letter[:3],
            )
        else:
            rows = self._rows(
                f"SELECT {_LETTER} FROM dead_letters "  # noqa: S608
                "WHERE projection = ? AND partition = ? AND key = ? ORDER BY position",
                *letter[:2],
                letter.key,
            )
        return [Parked(*row) for row in rows]

    async def drop(self, letter: Parked) -> None:
        """See `streams.pipeline.DeadLetters.drop`."""
        with self._writing() as writer:
            writer.execute(f"DELETE FROM dead_letters WHERE {_PLACE}", letter[:3])  # noqa: S608

    async def keep(self, letter: Parked, error: str) -> None:
        """See `streams.pipeline.DeadLetters.keep`."""
        queue = (letter.projection, letter.partition, letter.key)
        with self._writing() as writer:
            writer.execute(
                f"UPDATE dead_letters SET error = ?, requested = NULL WHERE {_PLACE}",  # noqa: S608
                (_storable(error), *letter[:3]),
            )
            # What follows it by key was asked for in vain too.
            writer.execute(
                "UPDATE dead_letters SET requested = NULL "
                "WHERE projection = ? AND partition = ? AND key = ? AND requested = 'retry'",
                queue,
            )

    async def parked(
        self, projection: str | None, limit: int, *, after: LetterPlace | None = None
    ) -> Sequence[DeadLetter]:
        """See `read_api.ports.DeadLetters.parked`."""
        place = after or LetterPlace("", -1, -1)
        rows = self._rows(
            f"SELECT {_LETTER}, requested FROM dead_letters "  # noqa: S608
            "WHERE (projection, partition, position) > (?2, ?3, ?4) "
            "AND (?1 IS NULL OR projection = ?1) "
            "ORDER BY projection, partition, position LIMIT ?5",
            projection,
            *place,
            limit,
        )
        return [DeadLetter(*row) for row in rows]

    async def counts(self) -> dict[str, int]:
        """How many each projection has that has any."""
        return dict(self._rows("SELECT projection, COUNT(*) FROM dead_letters GROUP BY projection"))

    async def request(
        self, projection: str, partition: int, position: int, request: Request
    ) -> bool:
        """See `commands.ports.DeadLetterRequests.request`."""
        try:
            return self._note(request, (projection, partition, position))
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    def _note(self, request: Request, place: tuple[str, int, int]) -> bool:
        with self._writing() as writer:
            asked = writer.execute(
                f"UPDATE dead_letters SET requested = ? WHERE {_PLACE}",  # noqa: S608
                (request, *place),
            )
        return asked.rowcount > 0

    def close(self) -> None:
        """Close all connections."""
        self._readers.close()
        self._writer.close()

    def _rows(self, sql: str, *values: Any) -> Sequence[Any]:
        try:
            return self._readers.get().execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, transaction(self._writer) as writer:
                yield writer
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error


def _storable(error: str) -> str:
    """An error may quote what no text can hold: half a pair of surrogates."""
    return error.encode("utf-8", "backslashreplace").decode()
