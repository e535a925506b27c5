"""What replays were told, and told, in the file of the generations."""

import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from infra.folder import building_file, projection_file
from infra.generations import Generation, State
from infra.steering import NotUnderWay, Orders, Steered, Wish, finite, orders_of, told_of
from projections.projection import StoreUnavailable
from streams.rebuild import Rebuilt

# No row: nothing is built, or it is whole and waits to answer. Without a limit per_s_max is NULL.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS replays (
    projection TEXT NOT NULL, version INTEGER NOT NULL, number INTEGER NOT NULL,
    wish TEXT NOT NULL, per_s_max REAL,
    done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    per_s REAL NOT NULL DEFAULT 0, left_s REAL,
    PRIMARY KEY (projection, version, number)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS forget_replay AFTER DELETE ON generations BEGIN
    DELETE FROM replays WHERE projection = OLD.projection AND version = OLD.version
        AND number = OLD.number;
END;
"""
_BEGIN: Final = "INSERT OR IGNORE INTO replays (projection, version, number, wish) VALUES (?,?,?,?)"
_WISH: Final = """UPDATE replays SET wish = ?
WHERE projection = ? AND version = ? AND number = ?"""
_RESUME: Final = """UPDATE replays SET wish = 'go'
WHERE projection = ? AND version = ? AND number = ? AND wish = 'pause'"""
_LIMIT: Final = """UPDATE replays SET per_s_max = ?
WHERE projection = ? AND version = ? AND number = ?"""
_OF: Final = """SELECT wish, per_s_max FROM replays
WHERE projection = ? AND version = ? AND number = ?"""
_TELL: Final = """UPDATE replays
SET done = ?, total = ?, per_s = ?, left_s = ?
WHERE projection = ? AND version = ? AND number = ?"""
_END: Final = "DELETE FROM replays WHERE projection = ? AND version = ? AND number = ?"
# One that answers is only filled before it is served: then nobody goes on with that.
_BUILT: Final[frozenset[State]] = frozenset(("building", "as_of"))
_UNDER_WAY: Final = """
SELECT projection, version, number, coalesce(state, 'live'), wish, per_s_max, done, total, per_s,
    left_s, name
FROM replays LEFT JOIN generations USING (projection, version, number)
LEFT JOIN moments USING (projection, version, number)
WHERE whole IS NOT TRUE
ORDER BY projection, version, number"""


class SqliteReplayOrders:
    """Implements `infra.steering.ReplayOrders` on the connection of `SqliteGenerations`."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        connection.executescript(SCHEMA)

    async def begin(
        self, one: Generation, *, per_s_max: float | None = None, resume: bool = False
    ) -> Orders:
        """See `ReplayOrders.begin`."""
        self._run(_BEGIN, (*one[:3], "go"))
        if resume:
            self._run(_RESUME, one[:3])
        if per_s_max is not None:
            self._run(_LIMIT, (finite(per_s_max), *one[:3]))
        return await self.of(one)

    @asynccontextmanager
    async def building(self, one: Generation) -> AsyncIterator[None]:
        """See `ReplayOrders.building`: by a lock, of which the system knows whose process died."""
        path = self._lock_of(one)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Who looks whether it is held has it for a moment.
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
            path.unlink()
        finally:
            os.close(lock)

    async def wish(self, one: Generation, wish: Wish) -> None:
        """See `ReplayOrders.wish`."""
        if wish == "drop":
            self._run(_BEGIN, (*one[:3], wish))
        self._change(_WISH, wish, one)

    async def limit(self, one: Generation, per_s_max: float) -> None:
        """See `ReplayOrders.limit`."""
        self._change(_LIMIT, finite(per_s_max), one)

    async def of(self, one: Generation) -> Orders:
        """See `ReplayOrders.of`."""
        row = self._run(_OF, one[:3]).fetchone()
        return Orders() if row is None else orders_of(*row)

    async def tell(self, one: Generation, rebuilt: Rebuilt) -> None:
        """See `ReplayOrders.tell`."""
        left_s = finite(rebuilt.left_s)
        told = (rebuilt.done, rebuilt.total, rebuilt.per_s, left_s)
        self._run(_TELL, (*told, *one[:3]))

    async def end(self, one: Generation) -> None:
        """See `ReplayOrders.end`."""
        self._run(_END, one[:3])

    async def under_way(self) -> Sequence[Steered]:
        """See `ReplayOrders.under_way`."""
        rows = self._run(_UNDER_WAY).fetchall()
        locks = [self._lock_of(Generation(*row[:4])) for row in rows]
        found = [
            told_of(row, is_running=_is_held(lock)) for row, lock in zip(rows, locks, strict=True)
        ]
        return [one for one in found if one.generation.state in _BUILT or one.is_running]

    def _lock_of(self, one: Generation) -> Path:
        return building_file(projection_file(self._folder, *one[:3]))

    def _run(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except sqlite3.OperationalError as error:  # another process writes, for long
            raise StoreUnavailable(str(error)) from error

    def _change(self, sql: str, to: Any, one: Generation) -> None:
        if not self._run(sql, (to, *one[:3])).rowcount:
            raise NotUnderWay(f"No generation of {one.projection} is being built")


def _is_held(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
