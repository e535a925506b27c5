"""Parked events in PostgreSQL, for all workers and servers of an installation."""

from collections.abc import Sequence
from typing import Final, Literal

from domain.errors import Unavailable
from infra.postgresql.database import Database, Row, checked
from infra.postgresql.migrations import SHARED
from projections.projection import StoreUnavailable
from read_api.ports import DeadLetter, LetterPlace
from streams.dead_letters import Asked, Parked

Request = Literal["retry", "discard"]

_PLACE: Final = "projection = %s AND partition = %s AND position = %s"
_LETTER: Final = "projection, partition, position, key, error"
_PARK: Final = """INSERT INTO {ns}.dead_letters (projection, partition, position, key, error)
SELECT * FROM unnest(%s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::text[])
ON CONFLICT DO NOTHING"""
_KEYS: Final = """SELECT DISTINCT key FROM {ns}.dead_letters
WHERE projection = %s AND key IS NOT NULL"""
_ASKED: Final = f"""SELECT {_LETTER}, requested FROM {{ns}}.dead_letters
WHERE projection = %s AND requested IS NOT NULL ORDER BY partition, position"""
_ALONE: Final = f"SELECT {_LETTER} FROM {{ns}}.dead_letters WHERE {_PLACE}"
_QUEUE: Final = f"""SELECT {_LETTER} FROM {{ns}}.dead_letters
WHERE projection = %s AND partition = %s AND key = %s ORDER BY position"""
_DROP: Final = f"DELETE FROM {{ns}}.dead_letters WHERE {_PLACE}"
_KEEP: Final = f"UPDATE {{ns}}.dead_letters SET error = %s, requested = NULL WHERE {_PLACE}"
_RETRY_NO_MORE: Final = """UPDATE {ns}.dead_letters SET requested = NULL
WHERE projection = %s AND partition = %s AND key = %s AND requested = 'retry'"""
_PARKED: Final = f"""SELECT {_LETTER}, requested FROM {{ns}}.dead_letters
WHERE (projection, partition, position) > (%s, %s, %s)
AND (%s::text IS NULL OR projection = %s)
ORDER BY projection, partition, position LIMIT %s"""
_COUNTS: Final = "SELECT projection, count(*) FROM {ns}.dead_letters GROUP BY projection"
_REQUEST: Final = f"UPDATE {{ns}}.dead_letters SET requested = %s WHERE {_PLACE} RETURNING position"


class PostgresqlDeadLetters:
    """Implements `streams.pipeline.DeadLetters` for workers, and for servers
    `read_api.ports.DeadLetters` and `commands.ports.DeadLetterRequests`."""

    def __init__(self, database: Database, namespace: str = SHARED) -> None:
        self._database = database
        self._namespace = checked(namespace)

    async def park(self, parked: Sequence[Parked]) -> None:
        """See `streams.pipeline.DeadLetters.park`."""
        kept = {letter[:3]: letter for letter in reversed(parked)}.values()
        letters = [letter._replace(error=_storable(letter.error)) for letter in kept]
        if letters:
            await self._rows(_PARK, *(list(column) for column in zip(*letters, strict=True)))

    async def keys(self, projection: str) -> frozenset[int]:
        """See `streams.pipeline.DeadLetters.keys`."""
        return frozenset(key for (key,) in await self._rows(_KEYS, projection))

    async def asked(self, projection: str) -> Sequence[Asked]:
        """See `streams.pipeline.DeadLetters.asked`."""
        rows = await self._rows(_ASKED, projection)
        return [Asked(Parked(*row[:5]), row[5] == "discard") for row in rows]

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """See `streams.pipeline.DeadLetters.queue_of`."""
        if letter.key is None:
            rows = await self._rows(_ALONE, *letter[:3])
        else:
            rows = await self._rows(_QUEUE, *letter[:2], letter.key)
        return [Parked(*row) for row in rows]

    async def drop(self, letter: Parked) -> None:
        """See `streams.pipeline.DeadLetters.drop`."""
        await self._rows(_DROP, *letter[:3])

    async def keep(self, letter: Parked, error: str) -> None:
        """See `streams.pipeline.DeadLetters.keep`."""
        async with self._database.transaction() as transaction:
            await transaction.execute(self._named(_KEEP), (_storable(error), *letter[:3]))
            # What follows it by key was asked for in vain too.
            await transaction.execute(self._named(_RETRY_NO_MORE), (*letter[:2], letter.key))

    async def parked(
        self, projection: str | None, limit: int, *, after: LetterPlace | None = None
    ) -> Sequence[DeadLetter]:
        """See `read_api.ports.DeadLetters.parked`."""
        place = after or LetterPlace("", -1, -1)
        rows = await self._rows(_PARKED, *place, projection, projection, limit)
        return [DeadLetter(*row) for row in rows]

    async def counts(self) -> dict[str, int]:
        """How many each projection has that has any."""
        return {projection: letters for projection, letters in await self._rows(_COUNTS)}

    async def request(
        self, projection: str, partition: int, position: int, request: Request
    ) -> bool:
        """See `commands.ports.DeadLetterRequests.request`."""
        try:
            return bool(await self._rows(_REQUEST, request, projection, partition, position))
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    async def _rows(self, sql: str, *values: object) -> list[Row]:
        return await self._database.rows(self._named(sql), values)

    def _named(self, sql: str) -> str:
        return sql.replace("{ns}", self._namespace)


def _storable(error: str) -> str:
    """An error may quote what no text can hold."""
    return error.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
