"""Which generations of each projection there are, and which one answers: the row that all processes
of an installation look at."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from domain.errors import NotFound
from infra.generations import AlreadyBuilt, Generation, State, first_of
from infra.postgresql.database import Database, Transaction, checked
from infra.postgresql.held_locks import held
from infra.postgresql.listening import Heard, listening
from infra.postgresql.replay_orders import PostgresqlReplayOrders
from projections.projection import Projection

_ALL: Final = "SELECT projection, version, number, state FROM {ns}.generations "
_OF: Final = _ALL + "WHERE projection = %s AND version = %s ORDER BY number"
_OLDER: Final = _ALL + "WHERE projection = %s AND version < %s"
_EVERY: Final = _ALL + "WHERE state <> 'gone' ORDER BY projection, version, number"
_SET: Final = """INSERT INTO {ns}.generations VALUES (%s, %s, %s, %s)
ON CONFLICT (projection, version, number) DO UPDATE SET state = excluded.state"""
_MARK: Final = """UPDATE {ns}.generations SET state = %s
WHERE projection = %s AND version = %s AND number = %s AND state <> 'live'
RETURNING number"""
# Of one that is gone the number stays: what somebody who stood still for long writes for it in the
# end must not be taken for a later one's.
_GONE: Final = "gone"


class PostgresqlGenerations:
    """Every method raises StoreUnavailable; every change is one transaction."""

    def __init__(self, database: Database, url: str, namespace: str) -> None:
        self._database = database
        self._url = url
        self._namespace = checked(namespace)
        self.orders = PostgresqlReplayOrders(database, url, namespace)

    async def every(self) -> Sequence[Generation]:
        """Those of all projections that were ever replayed, in one look."""
        rows = await self._database.rows(self._named(_EVERY))
        return [Generation(*row) for row in rows]

    def heard(self) -> AbstractAsyncContextManager[Heard]:
        """Hears of every change, of whichever process."""
        return listening(self._url, f"{self._namespace}.generations")

    async def of(self, projection: Projection) -> Sequence[Generation]:
        """All of this version, oldest first; of a new version there is one, which is live."""
        rows = await self._database.rows(self._named(_OF), (projection.name, projection.version))
        found = [Generation(*row) for row in rows if row[3] != _GONE]
        return found or [first_of(projection)]

    async def older(self, projection: Projection) -> Sequence[Generation]:
        """All of earlier versions of which something may be left; of a version that was never
        replayed there is one."""
        rows = await self._database.rows(self._named(_OLDER), (projection.name, projection.version))
        known = {row[:3]: Generation(*row) for row in rows}
        firsts = (Generation(projection.name, v, 1, "live") for v in range(1, projection.version))
        found = [*known.values(), *(one for one in firsts if one[:3] not in known)]
        return sorted(one for one in found if str(one.state) != _GONE)

    async def live(self, projection: Projection) -> Generation:
        """The one that answers."""
        return next(one for one in await self.of(projection) if one.state == "live")

    async def begin(self, projection: Projection) -> Generation:
        """The one that is being built, if need be a new one."""
        first = first_of(projection)
        async with self._changing(projection.name) as transaction:
            known = await transaction.rows(self._named(_OF), first[:2])
            for row in known:
                if row[3] in {"building", "filled"}:
                    return Generation(*row)
            if not known:
                await self._set(transaction, first)
            newest = max((row[2] for row in known), default=first.number)
            new = first._replace(number=newest + 1, state="building")
            await self._set(transaction, new)
            return new

    async def swap(self, to: Generation) -> None:
        """Let another one answer; the live one is kept. Raises NotFound where it is gone."""
        async with self._changing(to.projection) as transaction:
            known = await transaction.rows(self._named(_OF), to[:2])
            states = {number: state for _, _, number, state in known}
            if states.get(to.number, _GONE) in {_GONE, "dropped"}:
                raise NotFound(f"Generation {to.number} of {to.projection} is gone")
            for number, state in states.items():
                if state == "live":
                    await self._set(transaction, to._replace(number=number, state="kept"))
            await self._set(transaction, to._replace(state="live"))

    async def mark(self, one: Generation, state: State) -> bool:
        """Say how one is that is not live; False where it is live."""
        return bool(await self._database.rows(self._named(_MARK), (state, *one[:3])))

    async def forget(self, one: Generation) -> None:
        """Remove one that is not live, of which nothing is left."""
        await self._database.rows(self._named(_MARK), (_GONE, *one[:3]))

    async def forget_older(self, one: Generation) -> None:
        """Remove one of an earlier version, of which nothing is left; also the one that answered
        there."""
        async with self._changing(one.projection) as transaction:
            await transaction.execute(self._named(_SET), (*one[:3], _GONE))

    @asynccontextmanager
    async def alone(self, projection: Projection) -> AsyncIterator[None]:
        """Nobody else builds or drops generations of the projection while this lasts; the death of
        the process ends it too. Raises AlreadyBuilt."""
        async with held(self._url, f"{self._namespace}.replay.{projection.name}") as is_ours:
            if not is_ours:
                raise AlreadyBuilt(f"Another process builds or drops {projection.name}")
            yield

    @asynccontextmanager
    async def _changing(self, name: str) -> AsyncIterator[Transaction]:
        lock = f"{self._namespace}.generations.{name}"
        async with self._database.transaction(lock=lock) as transaction:
            yield transaction

    async def _set(self, transaction: Transaction, one: Generation) -> None:
        await transaction.execute(self._named(_SET), one)

    def _named(self, sql: str) -> str:
        return sql.replace("{ns}", self._namespace)
