"""What is published together is indexed together, and found also while Cassandra is away."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

import pytest

from domain.topics import Place
from infra.cassandra.joined_writes import BATCH_MAX
from infra.cassandra.kept import Kept
from infra.cassandra.log_tables import LogTables, Statement
from infra.cassandra.registers import Registers
from projections.projection import StoreUnavailable

PLACE: Final = Place("new_like", 3)


class Tables:
    """Notes how many rows each request writes; does not answer while `away`. What is read is as it
    was at first: nothing."""

    def __init__(self) -> None:
        self.away = False
        self.requests: list[int] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def batch(self, rows: Sequence[Statement]) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable
        self.requests.append(len(rows))

    async def execute(self, cql: str, values: Sequence[Any]) -> list[Any]:
        if cql.startswith("SELECT"):
            await self.answers.wait()
            return []
        await self.batch([(cql, values)])
        return []


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def registers(tables: Tables) -> Registers:
    return Registers(cast("LogTables", tables))


async def publish(registers: Registers, number: int, kind: str = "like") -> None:
    kept = Kept(f"{kind}/{number}/1", number, number, number, PLACE.topic, number, "x.v1", b"")
    await registers.index([kept], {number: (PLACE, number)})


async def test_commands_that_are_acknowledged_at_once_share_requests(
    registers: Registers, tables: Tables
) -> None:
    await asyncio.gather(*(publish(registers, number) for number in range(BATCH_MAX + 1)))
    await publish(registers, 99)

    assert tables.requests == [BATCH_MAX, 1, 1]


async def test_what_no_decision_asks_for_is_not_written(
    registers: Registers, tables: Tables
) -> None:
    await publish(registers, 1, kind="impression")

    assert tables.requests == []


async def test_while_cassandra_is_away_each_is_found_in_memory(
    registers: Registers, tables: Tables
) -> None:
    tables.away = True
    await asyncio.gather(*(publish(registers, number) for number in range(3)))

    found = [await registers.latest(f"like/{number}/1") for number in range(3)]
    await registers.close()

    assert [one and one.offset for one in found] == [0, 1, 2]


async def test_what_comes_to_be_written_while_it_is_read_is_found(
    registers: Registers, tables: Tables
) -> None:
    tables.away = True
    await publish(registers, 1)
    tables.answers.clear()
    latest = asyncio.create_task(registers.latest("like/1/1"))
    history = asyncio.create_task(registers.history("like/1/1"))
    await asyncio.sleep(0)
    tables.away = False
    writing = registers._writing  # noqa: SLF001
    assert writing is not None
    await writing

    tables.answers.set()

    found = await latest
    assert found is not None
    assert found.offset == 1
    assert await history == [found]
