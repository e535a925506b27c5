"""How many times somebody waits for Cassandra, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from cassandra.query import BatchType

from infra.cassandra.log_tables import Statement
from infra.cassandra.session import CassandraSession

# So many turns of the loop go by between an answer and what is asked because of it, and more.
QUIET: Final = 50


class InARow(CassandraSession):
    """A session that answers everything at once that it is asked at once: `waits` counts that."""

    def __init__(self, session: CassandraSession) -> None:
        self._real = session
        self._asked: list[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]]] = []
        self._answering: asyncio.Task[None] | None = None
        self.waits = 0

    async def execute(self, cql: str, values: Sequence[Any] = ()) -> list[Any]:
        return await self._with_others(lambda: self._real.execute(cql, values))

    async def execute_many(
        self, statements: Sequence[Statement], *, at_once: int = 64
    ) -> list[list[Any]]:
        return list(await asyncio.gather(*(self.execute(*one) for one in statements)))

    async def batch(
        self, statements: Sequence[Statement], *, batch_type: BatchType = BatchType.UNLOGGED
    ) -> list[Any]:
        return await self._with_others(lambda: self._real.batch(statements, batch_type=batch_type))

    async def _with_others(self, ask: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        answer = asyncio.get_running_loop().create_future()
        self._asked.append((ask, answer))
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer())
        return await answer  # type: ignore[no-any-return]

    async def _answer(self) -> None:
        known = 0
        while known < len(self._asked):
            known = len(self._asked)
            for _ in range(QUIET):
                await asyncio.sleep(0)
        asked, self._asked, self._answering = self._asked, [], None
        self.waits += 1
        answers = await asyncio.gather(*(ask() for ask, _ in asked))
        for (_, answer), rows in zip(asked, answers, strict=True):
            answer.set_result(rows)
