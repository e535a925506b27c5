"""Which generations of each projection there are, and which one answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.generations import Generation, first_of
from infra.sqlite.connections import connect, transaction
from infra.sqlite.replay_orders import SqliteReplayOrders
from projections.projection import Projection

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS generations (
    projection TEXT NOT NULL, version INTEGER NOT NULL, number INTEGER NOT NULL,
    state TEXT NOT NULL, PRIMARY KEY (projection, version, number)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS one_live ON generations (projection, version)
    WHERE state = 'live';
CREATE UNIQUE INDEX IF NOT EXISTS one_building ON generations (projection, version)
    WHERE state = 'building';
CREATE TABLE IF NOT EXISTS moments (
    projection TEXT NOT NULL, version INTEGER NOT NULL, number INTEGER NOT NULL,
    name TEXT NOT NULL, at_ms INTEGER NOT NULL, vector TEXT NOT NULL, whole INTEGER NOT NULL,
    PRIMARY KEY (projection, version, number)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS forget_moment AFTER DELETE ON generations BEGIN
    DELETE FROM moments WHERE projection = OLD.projection AND version = OLD.version
        AND number = OLD.number;
END;
"""
_ALL: Final = "SELECT number, state FROM generations WHERE projection = ? AND version = ? "
_SET: Final = """INSERT INTO generations VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET state = excluded.state"""


class SqliteGenerations:
    """A file that several processes may open: every change is one transaction."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, synchronous="FULL")
        self._connection.executescript(SCHEMA)
        self.orders = SqliteReplayOrders(self._connection, path.parent)
        self.close = self._connection.close

    def of(self, projection: Projection) -> Sequence[Generation]:
        """All of this version, oldest first; of a new version there is one, which is live."""
        asked = (projection.name, projection.version)
        rows = self._connection.execute(_ALL + "ORDER BY number", asked).fetchall()
        found = [Generation(*asked, number, state) for number, state in rows]
        return found or [first_of(projection)]

    def live(self, projection: Projection) -> Generation:
        """The one that answers."""
        return next(one for one in self.of(projection) if one.state == "live")

    def begin(self, projection: Projection) -> Generation:
        """The one that is being built, if need be a new one."""
        with transaction(self._connection):
            known = self.of(projection)
            for one in known:
                if one.state == "building":
                    return one
                self._set(one)
            new = known[-1]._replace(number=known[-1].number + 1, state="building")
            self._set(new)
            return new

    def swap(self, to: Generation) -> None:
        """Let another one answer; the live one is kept."""
        with transaction(self._connection):
            known = self._connection.execute(
                _ALL + "AND state = 'live'", (to.projection, to.version)
            )
            for number, _ in known.fetchall():
                self._set(to._replace(number=number, state="kept"))
            self._set(to._replace(state="live"))

    def forget(self, one: Generation) -> None:
        """Remove one that is not live: its file may go."""
        self._connection.execute(
            "DELETE FROM generations WHERE projection = ? AND version = ? AND number = ? "
            "AND state <> 'live'",
            one[:3],
        )

    def _set(self, one: Generation) -> None:
        self._connection.execute(_SET, one)
