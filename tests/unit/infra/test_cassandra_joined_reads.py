"""Commands that ask in one turn of the loop share a request, and nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

import pytest

from infra.cassandra.joined_reads import PARTITIONS_MAX, JoinedReads
from infra.cassandra.log_tables import LogTables
from projections.projection import StoreUnavailable

SELECT: Final = "SELECT name, size FROM @things"


class Row(NamedTuple):
    name: str
    size: int


class Tables:
    """Partitions of one row each, "a": 1 and so on; does not answer while `away`."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[tuple[str, Any]] = []
        self.asking = asyncio.Event()
        self.sizes = {chr(97 + number): number + 1 for number in range(26)}

    async def execute(self, cql: str, values: Sequence[Any]) -> list[Row]:
        return await self._rows(cql, values[0], [values[0]])

    async def execute_unpaged(self, cql: str, values: Sequence[Any]) -> list[Row]:
        return await self._rows(cql, sorted(values[0]), values[0])

    async def _rows(self, cql: str, told: Any, names: Sequence[str]) -> list[Row]:
        self.asked.append((cql, told))
        self.asking.set()
        found = [Row(name, self.sizes[name]) for name in names if name in self.sizes]
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable
        return found


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def reads(tables: Tables) -> JoinedReads:
    return JoinedReads(cast("LogTables", tables), SELECT, key="name", order="LIMIT 1")


async def test_who_asks_in_one_turn_asks_together(reads: JoinedReads, tables: Tables) -> None:
    found = await asyncio.gather(*map(reads.rows, ("c", "a", "nobody", "a")))

    assert found == [[Row("c", 3)], [Row("a", 1)], (), [Row("a", 1)]]
    assert tables.asked == [(f"{SELECT} WHERE name IN ? LIMIT 1", ["a", "c", "nobody"])]


async def test_who_asks_alone_names_the_partition(reads: JoinedReads, tables: Tables) -> None:
    assert await reads.rows("b") == [Row("b", 2)]
    assert tables.asked == [(f"{SELECT} WHERE name = ? LIMIT 1", "b")]


async def test_a_request_has_room_for_so_many(reads: JoinedReads, tables: Tables) -> None:
    names = list(tables.sizes)[: PARTITIONS_MAX + 1]

    await asyncio.gather(*map(reads.rows, names))

    assert [told for _, told in tables.asked] == [names[:PARTITIONS_MAX], names[-1]]


async def test_what_changed_since_is_read_anew(reads: JoinedReads, tables: Tables) -> None:
    under_way = asyncio.create_task(reads.rows("a"))
    await tables.asking.wait()
    tables.sizes["a"] = 100

    assert await reads.rows("a") == [Row("a", 100)]
    assert await under_way == [Row("a", 1)]


async def test_who_gives_up_leaves_the_others_their_answer(
    reads: JoinedReads, tables: Tables
) -> None:
    impatient = asyncio.create_task(reads.rows("a"))
    patient = asyncio.create_task(reads.rows("b"))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient == [Row("b", 2)]
    assert impatient.cancelled()


async def test_an_outage_is_everybodys(reads: JoinedReads, tables: Tables) -> None:
    tables.away = True

    told = await asyncio.gather(*map(reads.rows, "ab"), return_exceptions=True)

    assert [type(one) for one in told] == [StoreUnavailable, StoreUnavailable]
