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
from streams.dead_letters import PARKED_MAX, Asked, Build, Parked, TooManyParked

Request = Literal["retry", "discard"]

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS dead_letters (
    projection TEXT NOT NULL, version INTEGER NOT NULL, generation INTEGER NOT NULL,
    partition INTEGER NOT NULL, position INTEGER NOT NULL,
    key INTEGER, error TEXT NOT NULL, requested TEXT,
    PRIMARY KEY (projection, version, generation, partition, position)) WITHOUT ROWID""",
    """CREATE INDEX IF NOT EXISTS by_key
    ON dead_letters (projection, version, generation, partition, key)""",
    """CREATE INDEX IF NOT EXISTS requested ON dead_letters (projection, version, generation)
    WHERE requested IS NOT NULL""",
)
# A file that was made before generations had letters of their own: they are the first one's.
_OF_ONE_GENERATION: Final = (
    "DROP INDEX IF EXISTS requested",
    "ALTER TABLE dead_letters RENAME TO of_one_generation",
)
_TAKEN_OVER: Final = (
    """INSERT INTO dead_letters SELECT projection, 1, 1, partition, position, key, error, requested
    FROM of_one_generation""",
    "DROP TABLE of_one_generation",
)
_BUILD: Final = "projection = ? AND version = ? AND generation = ?"
_LETTER: Final = "projection, version, generation, partition, position, key, error"
_COUNT: Final = f"SELECT COUNT(*) FROM dead_letters WHERE {_BUILD}"  # noqa: S608
_KEYS: Final = f"SELECT DISTINCT key FROM dead_letters WHERE {_BUILD} AND key IS NOT NULL"  # noqa: S608
_ASKED: Final = f"""SELECT {_LETTER}, requested FROM dead_letters INDEXED BY requested
WHERE {_BUILD} AND requested IS NOT NULL ORDER BY partition, position"""  # noqa: S608
_PLACE: Final = f"{_BUILD} AND partition = ? AND position = ?"
_ALONE: Final = f"SELECT {_LETTER} FROM dead_letters WHERE {_PLACE}"  # noqa: S608
_QUEUE: Final = f"""SELECT {_LETTER} FROM dead_letters
WHERE {_BUILD} AND partition = ? AND key = ? ORDER BY position"""  # noqa: S608
_DROP: Final = f"DELETE FROM dead_letters WHERE {_PLACE}"  # noqa: S608
_KEEP: Final = f"UPDATE dead_letters SET error = ?, requested = NULL WHERE {_PLACE}"  # noqa: S608
_RETRY_NO_MORE: Final = f"""UPDATE dead_letters SET requested = NULL
WHERE {_BUILD} AND partition = ? AND key = ? AND requested = 'retry'"""  # noqa: S608
_PARKED: Final = f"""SELECT {_LETTER}, requested FROM dead_letters
WHERE (projection, version, generation, partition, position) > (?2, ?3, ?4, ?5, ?6)
AND (?1 IS NULL OR projection = ?1)
ORDER BY projection, version, generation, partition, position LIMIT ?7"""  # noqa: S608
_AT: Final = f"""SELECT {_LETTER}, requested FROM dead_letters
WHERE projection = ? AND partition = ? AND position = ? ORDER BY version, generation"""  # noqa: S608
_COUNTS: Final = """SELECT projection, version, generation, COUNT(*) FROM dead_letters
GROUP BY projection, version, generation"""
_REQUEST: Final = """UPDATE dead_letters SET requested = ?
WHERE projection = ? AND partition = ? AND position = ?"""
# Of its key in every partition: one of another topic's waits for it too.
_REQUEST_WHAT_FOLLOWS: Final = """UPDATE dead_letters SET requested = 'retry'
WHERE projection = ?1 AND requested IS NULL AND (version, generation, key) IN (
    SELECT version, generation, key FROM dead_letters
    WHERE projection = ?1 AND partition = ?2 AND position = ?3)"""
_RETRY_ALL: Final = """UPDATE dead_letters SET requested = 'retry'
WHERE projection = ? AND requested IS NULL"""
_UNANSWERED: Final = """SELECT COUNT(*) FROM dead_letters
WHERE projection = ? AND requested IS NOT NULL"""
_FORGET: Final = f"DELETE FROM dead_letters WHERE {_BUILD}"  # noqa: S608


class SqliteDeadLetters:
    """Implements `streams.dead_letters.DeadLetters` for the projections' thread, and for the
    server's `infra.profiles.profile.DeadLetters`. A build may have `parked_max` letters."""

    def __init__(self, path: Path, *, parked_max: int = PARKED_MAX) -> None:
        self.parked_max = parked_max
        self._writer = connect(path, synchronous="FULL")
        self._lock = threading.Lock()
        self._readers = Readers(path)
        with transaction(self._writer) as writer:
            _shape(writer)

    async def park(self, parked: Sequence[Parked]) -> None:
        """See `DeadLetters.park`. Letters that come together are kept together, also where the
        last of them are too many."""
        if not parked:
            return
        build = parked[0].build
        rows = [(*build, *one[1:4], _storable(one.error)) for one in parked]
        with self._writing() as writer:
            before = writer.execute(_COUNT, build).fetchone()[0]
            new = writer.executemany(
                "INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", rows
            ).rowcount
            if new and before >= self.parked_max:
                raise TooManyParked(before)

    async def keys(self, build: Build) -> frozenset[int]:
        """See `DeadLetters.keys`."""
        return frozenset(key for (key,) in self._rows(_KEYS, *build))

    async def asked(self, build: Build) -> Sequence[Asked]:
        """See `DeadLetters.asked`."""
        return [Asked(_parked(row), row[7] == "discard") for row in self._rows(_ASKED, *build)]

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """See `DeadLetters.queue_of`."""
        if letter.key is None:
            rows = self._rows(_ALONE, *_place_of(letter))
        else:
            rows = self._rows(_QUEUE, *letter.build, letter.partition, letter.key)
        return [_parked(row) for row in rows]

    async def drop(self, letter: Parked) -> None:
        """See `DeadLetters.drop`."""
        with self._writing() as writer:
            writer.execute(_DROP, _place_of(letter))

    async def keep(self, letter: Parked, error: str) -> None:
        """See `DeadLetters.keep`."""
        with self._writing() as writer:
            writer.execute(_KEEP, (_storable(error), *_place_of(letter)))
            writer.execute(_RETRY_NO_MORE, (*letter.build, letter.partition, letter.key))

    async def parked(
        self, projection: str | None, limit: int, *, after: LetterPlace | None = None
    ) -> Sequence[DeadLetter]:
        """See `read_api.ports.DeadLetters.parked`."""
        place = after or LetterPlace("", -1, -1, -1, -1)
        return [DeadLetter(*row) for row in self._rows(_PARKED, projection, *place, limit)]

    async def at(self, projection: str, partition: int, position: int) -> Sequence[DeadLetter]:
        """See `infra.profiles.profile.DeadLetters.at`."""
        return [DeadLetter(*row) for row in self._rows(_AT, projection, partition, position)]

    async def counts(self) -> dict[Build, int]:
        """How many each build has that has any. Raises StoreUnavailable."""
        return {Build(*row[:3]): row[3] for row in self._rows(_COUNTS)}

    async def request(
        self, projection: str, partition: int, position: int, request: Request
    ) -> bool:
        """See `commands.ports.DeadLetterRequests.request`."""
        place = (projection, partition, position)
        with self._asking() as writer:
            found = writer.execute(_REQUEST, (request, *place)).rowcount > 0
            writer.execute(_REQUEST_WHAT_FOLLOWS, place)
            return found

    async def retry_all(self, projection: str) -> int:
        """See `commands.ports.DeadLetterRequests.retry_all`."""
        with self._asking() as writer:
            return writer.execute(_RETRY_ALL, (projection,)).rowcount

    async def unanswered(self, projection: str) -> int:
        """See `infra.profiles.profile.DeadLetters.unanswered`."""
        return int(self._rows(_UNANSWERED, projection)[0][0])

    async def forget(self, build: Build) -> None:
        """See `infra.profiles.profile.DeadLetters.forget`."""
        with self._writing() as writer:
            writer.execute(_FORGET, build)

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

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._writing() as writer:
                yield writer
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error


def _shape(writer: sqlite3.Connection) -> None:
    """Make the tables, or give those of an older program their new shape."""
    columns = {row[1] for row in writer.execute("PRAGMA table_info(dead_letters)")}
    older = bool(columns) and "generation" not in columns
    steps = (*_OF_ONE_GENERATION, *_SCHEMA, *_TAKEN_OVER) if older else _SCHEMA
    for step in steps:
        writer.execute(step)


def _parked(row: Sequence[Any]) -> Parked:
    return Parked(Build(*row[:3]), *row[3:7])


def _place_of(letter: Parked) -> tuple[str, int, int, int, int]:
    return (*letter.build, letter.partition, letter.position)


def _storable(error: str) -> str:
    """An error may quote what no text can hold: half a pair of surrogates."""
    return error.encode("utf-8", "backslashreplace").decode()
