"""What replays were told, and told, beside the generations in PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from infra.generations import Generation
from infra.postgresql.database import Database, checked
from infra.postgresql.held_locks import held
from infra.steering import NotUnderWay, Orders, Steered, Wish, finite, orders_of, told_of
from streams.rebuild import Rebuilt

_BEGIN: Final = """INSERT INTO {ns}.replays (projection, version, number, wish, per_s_max)
VALUES (%(projection)s, %(version)s, %(number)s, 'go', %(per_s_max)s)
ON CONFLICT (projection, version, number) DO UPDATE
SET wish = CASE WHEN %(resume)s AND replays.wish = 'pause' THEN 'go' ELSE replays.wish END,
    per_s_max = CASE WHEN %(limits)s THEN %(per_s_max)s ELSE replays.per_s_max END
RETURNING wish, per_s_max"""
_DROP: Final = """INSERT INTO {ns}.replays (projection, version, number, wish)
VALUES (%s, %s, %s, 'drop') ON CONFLICT (projection, version, number) DO UPDATE SET wish = 'drop'"""
_WISH: Final = """UPDATE {ns}.replays SET wish = %s
WHERE projection = %s AND version = %s AND number = %s RETURNING number"""
_LIMIT: Final = """UPDATE {ns}.replays SET per_s_max = %s
WHERE projection = %s AND version = %s AND number = %s RETURNING number"""
_OF: Final = """SELECT wish, per_s_max FROM {ns}.replays
WHERE projection = %s AND version = %s AND number = %s"""
_TELL: Final = """UPDATE {ns}.replays
SET done = %s, total = %s, per_s = %s, left_s = %s
WHERE projection = %s AND version = %s AND number = %s"""
_END: Final = """DELETE FROM {ns}.replays
WHERE projection = %s AND version = %s AND number = %s"""
# A lock's key is shown as its two halves.
_UNDER_WAY: Final = """
WITH held AS (
    SELECT classid::bigint << 32 | objid::bigint AS key FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
SELECT projection, version, number, state, wish, per_s_max, done, total, per_s, left_s, name,
    hashtextextended(concat_ws('.', '{ns}.building', projection, version, number), 0)
        IN (SELECT key FROM held)
FROM {ns}.replays JOIN {ns}.generations USING (projection, version, number)
LEFT JOIN {ns}.moments USING (projection, version, number)
WHERE state IN ('building', 'filled') OR state = 'as_of' AND NOT whole
ORDER BY projection, version, number"""


class PostgresqlReplayOrders:
    """Implements `infra.steering.ReplayOrders`. Each change is one statement."""

    def __init__(self, database: Database, url: str, namespace: str) -> None:
        self._database = database
        self._url = url
        self._namespace = checked(namespace)

    async def begin(
        self, one: Generation, *, per_s_max: float | None = None, resume: bool = False
    ) -> Orders:
        """See `ReplayOrders.begin`."""
        values = {
            **one._asdict(),
            "resume": resume,
            "per_s_max": None if per_s_max is None else finite(per_s_max),
            "limits": per_s_max is not None,
        }
        rows = await self._database.rows(self._named(_BEGIN), values)
        return orders_of(*rows[0])

    @asynccontextmanager
    async def building(self, one: Generation) -> AsyncIterator[None]:
        """See `ReplayOrders.building`."""
        name = f"{self._namespace}.building.{one.projection}.{one.version}.{one.number}"
        # The connection of who built it before and died may be there a moment longer.
        async with held(self._url, name, wait=True):
            yield

    async def wish(self, one: Generation, wish: Wish) -> None:
        """See `ReplayOrders.wish`."""
        if wish == "drop":
            await self._database.rows(self._named(_DROP), one[:3])
        else:
            await self._change(_WISH, wish, one)

    async def limit(self, one: Generation, per_s_max: float) -> None:
        """See `ReplayOrders.limit`."""
        await self._change(_LIMIT, finite(per_s_max), one)

    async def of(self, one: Generation) -> Orders:
        """See `ReplayOrders.of`."""
        rows = await self._database.rows(self._named(_OF), one[:3])
        return orders_of(*rows[0]) if rows else Orders()

    async def tell(self, one: Generation, rebuilt: Rebuilt) -> None:
        """See `ReplayOrders.tell`."""
        left_s = finite(rebuilt.left_s)
        told = (rebuilt.done, rebuilt.total, rebuilt.per_s, left_s, *one[:3])
        await self._database.rows(self._named(_TELL), told)

    async def end(self, one: Generation) -> None:
        """See `ReplayOrders.end`."""
        await self._database.rows(self._named(_END), one[:3])

    async def under_way(self) -> Sequence[Steered]:
        """See `ReplayOrders.under_way`."""
        rows = await self._database.rows(self._named(_UNDER_WAY))
        return [told_of(row[:-1], is_running=row[-1]) for row in rows]

    async def _change(self, sql: str, to: Any, one: Generation) -> None:
        if not await self._database.rows(self._named(sql), (to, *one[:3])):
            raise NotUnderWay(f"No generation of {one.projection} is being built")

    def _named(self, sql: str) -> str:
        return sql.replace("{ns}", self._namespace)
