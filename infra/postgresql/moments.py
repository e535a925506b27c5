"""Which generations there are as of moments that are past: rows that all processes look at."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from infra.generations import Generation, Reached, SideGeneration, first_of
from infra.postgresql.database import Database, checked
from projections.projection import Projection

_EVERY: Final = """SELECT projection, version, number, name, at_ms, vector, whole
FROM {ns}.moments JOIN {ns}.generations USING (projection, version, number) WHERE state = 'as_of'
ORDER BY at_ms, name, projection, number"""
_NEWEST: Final = """SELECT coalesce(max(number), 0) FROM {ns}.generations
WHERE projection = %s AND version = %s"""
_BEGIN: Final = "INSERT INTO {ns}.generations VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_NOTE: Final = "INSERT INTO {ns}.moments VALUES (%s, %s, %s, %s, %s, %s, FALSE)"
_WHOLE: Final = """UPDATE {ns}.moments SET whole = TRUE
WHERE projection = %s AND version = %s AND number = %s"""


class PostgresqlMoments:
    """Every method raises StoreUnavailable; every change is one transaction."""

    def __init__(self, database: Database, namespace: str) -> None:
        self._database = database
        self._namespace = checked(namespace)

    async def every(self) -> Sequence[SideGeneration]:
        """Those of all projections and versions, the oldest moment first."""
        return [_side(row) for row in await self._database.rows(self._named(_EVERY))]

    async def begin(self, projection: Projection, moment: Reached) -> SideGeneration:
        """The projection's as of the moment that has this name, if need be a new one."""
        first = first_of(projection)
        # As `PostgresqlGenerations` takes turns: numbers are given to one after the other.
        lock = f"{self._namespace}.generations.{projection.name}"
        async with self._database.transaction(lock=lock) as transaction:
            for one in map(_side, await transaction.rows(self._named(_EVERY))):
                if (*one.build[:2], one.moment.name) == (*first[:2], moment.name):
                    return one
            ((newest,),) = await transaction.rows(self._named(_NEWEST), first[:2])
            if not newest:
                await transaction.execute(self._named(_BEGIN), first)
            build = first._replace(number=max(newest, first.number) + 1, state="as_of")
            await transaction.execute(self._named(_BEGIN), build)
            vector = msgspec.json.encode(moment.vector).decode()
            values = (*build[:3], moment.name, moment.at_ms, vector)
            await transaction.execute(self._named(_NOTE), values)
        return SideGeneration(build, moment, whole=False)

    async def finish(self, one: SideGeneration) -> None:
        """It is whole now."""
        await self._database.rows(self._named(_WHOLE), one.build[:3])

    def _named(self, sql: str) -> str:
        return sql.replace("{ns}", self._namespace)


def _side(row: Sequence[Any]) -> SideGeneration:
    projection, version, number, name, at_ms, vector, whole = row
    build = Generation(projection, version, number, "as_of")
    return SideGeneration(build, Reached(name, at_ms, vector), whole)
