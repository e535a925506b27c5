"""Statements on the tables of one log: `@streams` is its table "streams"."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.cassandra.rows import Row
from infra.cassandra.session import CassandraSession

Statement = tuple[str, Sequence[Any]]


class LogTables:
    """A session, and the namespace that the names of the tables begin with. Every method raises
    StoreUnavailable, as those of the session do."""

    def __init__(self, session: CassandraSession, namespace: str) -> None:
        self._session = session
        self._prefix = f"{namespace}_"
        self._named: dict[str, str] = {}

    async def create(self, statements: Iterable[str]) -> None:
        """Change the schema."""
        await self._session.create([self._in_namespace(cql) for cql in statements])

    async def drop(self, *tables: str) -> None:
        """Remove tables that are there."""
        await self.create([f"DROP TABLE IF EXISTS @{table}" for table in tables])

    async def execute(self, cql: str, values: Sequence[Any] = ()) -> list[Row]:
        """See `CassandraSession.execute`."""
        return await self._session.execute(self._in_namespace(cql), values)

    async def execute_unpaged(self, cql: str, values: Sequence[Any]) -> list[Row]:
        """See `CassandraSession.execute_unpaged`."""
        return await self._session.execute_unpaged(self._in_namespace(cql), values)

    async def execute_serial(self, cql: str, values: Sequence[Any] = ()) -> list[Row]:
        """See `CassandraSession.execute_serial`."""
        return await self._session.execute_serial(self._in_namespace(cql), values)

    async def execute_many(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """See `CassandraSession.execute_many`."""
        return await self._session.execute_many(
            [(self._in_namespace(cql), values) for cql, values in statements]
        )

    async def batch(self, statements: Sequence[Statement]) -> list[Row]:
        """See `CassandraSession.batch`."""
        return await self._session.batch(
            [(self._in_namespace(cql), values) for cql, values in statements]
        )

    def _in_namespace(self, cql: str) -> str:
        named = self._named.get(cql)
        if named is None:
            named = self._named[cql] = cql.replace("@", self._prefix)
        return named
