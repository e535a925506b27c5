"""Makes a SQLite file hold nothing but what can be asked of it.

Deleted rows stay in a file. `PRAGMA secure_delete` overwrites them where they were deleted, but not
the copies that stay behind when a full page is split, in the unused middle of the page they left
(measured: 4 of 408 deleted rows could still be read in the file). An FTS5 index keeps deleted words
until its segments are merged; its option `secure-delete` is younger (SQLite 3.42) than what many
systems have. So an erasure merges the index and writes the file anew. Who writes it waits for that,
who reads it does not, and nothing else pays for it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from domain.errors import Unavailable
from infra.sqlite.connections import transaction

PATIENCE_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.02

# By projection: what holds words and counts nothing any more, and is the same as if it were not
# there; and what merges an index.
LEFT_OVER: Final[Mapping[str, Sequence[str]]] = {
    "trends": (
        "DELETE FROM uses WHERE posts = 0",
        "DELETE FROM forms WHERE posts = 0",
        "DELETE FROM hours WHERE people = 0 AND posts = 0",
        "DELETE FROM days WHERE people = 0",
    ),
    "engagement": ("DELETE FROM tag_hours WHERE n = 0",),
    "search_index": (
        "INSERT INTO post_terms (post_terms) VALUES ('optimize')",
        "INSERT INTO name_terms (name_terms) VALUES ('optimize')",
    ),
}


def compact(path: Path, statements: Sequence[str] = ()) -> None:
    """Run the statements and write the file anew. Raises Unavailable."""
    with closing(_opened(path)) as connection:
        try:
            with transaction(connection):
                for statement in statements:
                    connection.execute(statement)
            connection.execute("VACUUM")
            _empty_log(connection, path)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{path.name} could not be written anew: {error}") from error


def delete(path: Path, statement: str, values: Sequence[object]) -> int:
    """Delete rows of a file that must not be written anew: overwritten where they were. How many
    went. Raises Unavailable."""
    with closing(_opened(path)) as connection:
        try:
            connection.execute("PRAGMA secure_delete=ON")
            with transaction(connection):
                deleted = connection.execute(statement, values).rowcount
            _empty_log(connection, path)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{path.name} cannot be written: {error}") from error
        return deleted


def _opened(path: Path) -> sqlite3.Connection:
    """Its temporary files are files: the whole of this one may be more than fits in memory."""
    return sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)


def _empty_log(connection: sqlite3.Connection, path: Path) -> None:
    """Bring everything into the file itself: its write-ahead log has pages as they were. Readers
    that are in the middle of something are waited for."""
    until = monotonic() + PATIENCE_S
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if monotonic() > until:
            raise Unavailable(f"{path.name} is being read all the time")
        sleep(_LOOK_EVERY_S)
