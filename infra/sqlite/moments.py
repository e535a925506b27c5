"""Which generations there are as of moments that are past, in the file of the generations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from infra.generations import Generation, Reached, SideGeneration, first_of
from infra.sqlite.connections import connect, transaction
from infra.sqlite.generations import SCHEMA
from projections.projection import Projection

_EVERY: Final = """SELECT projection, version, number, name, at_ms, vector, whole FROM moments
JOIN generations USING (projection, version, number) WHERE state = 'as_of'
ORDER BY at_ms, name, projection, number"""
_NEWEST: Final = "SELECT max(number) FROM generations WHERE projection = ? AND version = ?"
_BEGIN: Final = "INSERT INTO generations VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_NOTE: Final = "INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, FALSE)"
_WHOLE: Final = """UPDATE moments SET whole = TRUE
WHERE projection = ? AND version = ? AND number = ?"""
_vector: Final = msgspec.json.Decoder(dict[str, int])


class SqliteMoments:
    """Several processes may open the file: every change is one transaction."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, synchronous="FULL")
        self._connection.executescript(SCHEMA)
        self.close = self._connection.close

    async def every(self) -> Sequence[SideGeneration]:
        """Those of all projections and versions, the oldest moment first."""
        return [_side(row) for row in self._connection.execute(_EVERY).fetchall()]

    async def begin(self, projection: Projection, moment: Reached) -> SideGeneration:
        """The projection's as of the moment that has this name, if need be a new one."""
        with transaction(self._connection):
            for one in await self.every():
                if (*one.build[:2], one.moment.name) == (*first_of(projection)[:2], moment.name):
                    return one
            self._connection.execute(_BEGIN, first_of(projection))
            build = first_of(projection)._replace(state="as_of")
            ((newest,),) = self._connection.execute(_NEWEST, build[:2])
            build = build._replace(number=newest + 1)
            self._connection.execute(_BEGIN, build)
            vector = msgspec.json.encode(moment.vector).decode()
            self._connection.execute(_NOTE, (*build[:3], moment.name, moment.at_ms, vector))
        return SideGeneration(build, moment, whole=False)

    async def finish(self, one: SideGeneration) -> None:
        """It is whole now."""
        self._connection.execute(_WHOLE, one.build[:3])


def _side(row: Sequence[Any]) -> SideGeneration:
    projection, version, number, name, at_ms, vector, whole = row
    build = Generation(projection, version, number, "as_of")
    return SideGeneration(build, Reached(name, at_ms, _vector.decode(vector)), bool(whole))
