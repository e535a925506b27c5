"""Parked events in PostgreSQL, for all workers and servers of an installation."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from domain.errors import Unavailable
from infra.postgresql.database import Database, Row, checked
from infra.postgresql.migrations import SHARED
from projections.projection import StoreUnavailable
from read_api.ports import DeadLetter, LetterPlace
from streams.dead_letters import PARKED_MAX, Asked, Build, Parked, TooManyParked

Request = Literal["retry", "discard"]

_BUILD: Final = "projection = %s AND version = %s AND generation = %s"
_PLACE: Final = f"{_BUILD} AND partition = %s AND position = %s"
_LETTER: Final = "projection, version, generation, partition, position, key, error"
_COUNT: Final = f"SELECT count(*) FROM {{ns}}.dead_letters WHERE {_BUILD}"
_PARK: Final = f"""INSERT INTO {{ns}}.dead_letters ({_LETTER})
SELECT * FROM unnest(%s::text[], %s::integer[], %s::integer[], %s::integer[], %s::bigint[],
    %s::bigint[], %s::text[])
ON CONFLICT DO NOTHING RETURNING position"""
_KEYS: Final = f"""SELECT DISTINCT key FROM {{ns}}.dead_letters
WHERE {_BUILD} AND key IS NOT NULL"""
_ASKED: Final = f"""SELECT {_LETTER}, requested FROM {{ns}}.dead_letters
WHERE {_BUILD} AND requested IS NOT NULL ORDER BY partition, position"""
_ASKED_OF_ALL: Final = f"""SELECT {_LETTER}, requested FROM {{ns}}.dead_letters
WHERE requested IS NOT NULL ORDER BY partition, position"""
_ALONE: Final = f"SELECT {_LETTER} FROM {{ns}}.dead_letters WHERE {_PLACE}"
_QUEUE: Final = f"""SELECT {_LETTER} FROM {{ns}}.dead_letters
WHERE {_BUILD} AND partition = %s AND key = %s ORDER BY position"""
_DROP: Final = f"DELETE FROM {{ns}}.dead_letters WHERE {_PLACE}"
_KEEP: Final = f"UPDATE {{ns}}.dead_letters SET error = %s, requested = NULL WHERE {_PLACE}"
_RETRY_NO_MORE: Final = f"""UPDATE {{ns}}.dead_letters SET requested = NULL
WHERE {_BUILD} AND partition = %s AND key = %s AND requested = 'retry'"""
_PARKED: Final = f"""SELECT {_LETTER}, requested FROM {{ns}}.dead_letters
WHERE (projection, version, generation, partition, position) > (%s, %s, %s, %s, %s)
AND (%s::text IS NULL OR projection = %s)
ORDER BY projection, version, generation, partition, position LIMIT %s"""
_AT: Final = f"""SELECT {_LETTER}, requested FROM {{ns}}.dead_letters
WHERE projection = %s AND partition = %s AND position = %s ORDER BY version, generation"""
_COUNTS: Final = """SELECT projection, version, generation, count(*) FROM {ns}.dead_letters
GROUP BY projection, version, generation"""
_REQUEST: Final = """UPDATE {ns}.dead_letters SET requested = %s
WHERE projection = %s AND partition = %s AND position = %s RETURNING position"""
# Of its key in every partition: one of another topic's waits for it too.
_REQUEST_WHAT_FOLLOWS: Final = """UPDATE {ns}.dead_letters AS waiting SET requested = 'retry'
FROM {ns}.dead_letters AS head
WHERE head.projection = %s AND head.partition = %s AND head.position = %s
AND waiting.projection = head.projection AND waiting.version = head.version
AND waiting.generation = head.generation AND waiting.key = head.key
AND waiting.requested IS NULL"""
_RETRY_ALL: Final = """UPDATE {ns}.dead_letters SET requested = 'retry'
WHERE projection = %s AND requested IS NULL RETURNING position"""
_UNANSWERED: Final = """SELECT count(*) FROM {ns}.dead_letters
WHERE projection = %s AND requested IS NOT NULL"""
_FORGET: Final = f"DELETE FROM {{ns}}.dead_letters WHERE {_BUILD}"


class PostgresqlDeadLetters:
    """Implements `streams.dead_letters.DeadLetters` for workers, and for servers
    `infra.profiles.profile.DeadLetters`. A build may have `parked_max` letters, or a few more
    where several workers park at the same time."""

    def __init__(
        self, database: Database, namespace: str = SHARED, *, parked_max: int = PARKED_MAX
    ) -> None:
        self.parked_max = parked_max
        self._database = database
        self._namespace = checked(namespace)

    async def park(self, parked: Sequence[Parked]) -> None:
        """See `DeadLetters.park`. Letters that come together are kept together, also where the
        last of them are too many."""
        # The first of each place is kept.
        kept = {(one.build, *one[1:3]): one for one in reversed(parked)}.values()
        rows = [(*one.build, *one[1:4], _storable(one.error)) for one in kept]
        if not rows:
            return
        async with self._database.transaction() as transaction:
            [(before,)] = await transaction.rows(self._named(_COUNT), parked[0].build)
            columns = [list(column) for column in zip(*rows, strict=True)]
            new = await transaction.rows(self._named(_PARK), columns)
            if new and before >= self.parked_max:
                raise TooManyParked(before)

    async def keys(self, build: Build) -> frozenset[int]:
        """See `DeadLetters.keys`."""
        return frozenset(key for (key,) in await self._rows(_KEYS, *build))

    async def asked(self, build: Build) -> Sequence[Asked]:
        """See `DeadLetters.asked`."""
        rows = await self._rows(_ASKED, *build)
        return [Asked(_parked(row), row[7] == "discard") for row in rows]

    async def asked_of_all(self) -> Mapping[Build, Sequence[Asked]]:
        """See `infra.asked_together.AskedOfAll`."""
        found: dict[Build, list[Asked]] = {}
        for row in await self._rows(_ASKED_OF_ALL):
            letter = _parked(row)
            found.setdefault(letter.build, []).append(Asked(letter, row[7] == "discard"))
        return found

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """See `DeadLetters.queue_of`."""
        if letter.key is None:
            rows = await self._rows(_ALONE, *_place_of(letter))
        else:
            rows = await self._rows(_QUEUE, *letter.build, letter.partition, letter.key)
        return [_parked(row) for row in rows]

    async def drop(self, letter: Parked) -> None:
        """See `DeadLetters.drop`."""
        await self._rows(_DROP, *_place_of(letter))

    async def keep(self, letter: Parked, error: str) -> None:
        """See `DeadLetters.keep`."""
        queue = (*letter.build, letter.partition, letter.key)
        async with self._database.transaction() as transaction:
            await transaction.execute(self._named(_KEEP), (_storable(error), *_place_of(letter)))
            await transaction.execute(self._named(_RETRY_NO_MORE), queue)

    async def parked(
        self, projection: str | None, limit: int, *, after: LetterPlace | None = None
    ) -> Sequence[DeadLetter]:
        """See `read_api.ports.DeadLetters.parked`."""
        place = after or LetterPlace("", -1, -1, -1, -1)
        rows = await self._rows(_PARKED, *place, projection, projection, limit)
        return [DeadLetter(*row) for row in rows]

    async def at(self, projection: str, partition: int, position: int) -> Sequence[DeadLetter]:
        """See `infra.profiles.profile.DeadLetters.at`."""
        rows = await self._rows(_AT, projection, partition, position)
        return [DeadLetter(*row) for row in rows]

    async def counts(self) -> dict[Build, int]:
        """How many each build has that has any. Raises StoreUnavailable."""
        return {Build(*row[:3]): row[3] for row in await self._rows(_COUNTS)}

    async def request(
        self, projection: str, partition: int, position: int, request: Request
    ) -> bool:
        """See `commands.ports.DeadLetterRequests.request`."""
        place = (projection, partition, position)
        try:
            async with self._database.transaction() as transaction:
                found = await transaction.rows(self._named(_REQUEST), (request, *place))
                await transaction.execute(self._named(_REQUEST_WHAT_FOLLOWS), place)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error
        return bool(found)

    async def retry_all(self, projection: str) -> int:
        """See `commands.ports.DeadLetterRequests.retry_all`."""
        try:
            return len(await self._rows(_RETRY_ALL, projection))
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    async def unanswered(self, projection: str) -> int:
        """See `infra.profiles.profile.DeadLetters.unanswered`."""
        [(letters,)] = await self._rows(_UNANSWERED, projection)
        return int(letters)

    async def forget(self, build: Build) -> None:
        """See `infra.profiles.profile.DeadLetters.forget`."""
        await self._rows(_FORGET, *build)

    async def _rows(self, sql: str, *values: object) -> list[Row]:
        return await self._database.rows(self._named(sql), values)

    def _named(self, sql: str) -> str:
        return sql.replace("{ns}", self._namespace)


def _parked(row: Sequence[Any]) -> Parked:
    return Parked(Build(*row[:3]), *row[3:7])


def _place_of(letter: Parked) -> tuple[str, int, int, int, int]:
    return (*letter.build, letter.partition, letter.position)


def _storable(error: str) -> str:
    """An error may quote what no text can hold."""
    return error.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
