"""Generations in a file."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from infra.folder import building_file, projection_file
from infra.generations import Generation
from infra.sqlite import connections
from infra.sqlite.generations import SqliteGenerations
from infra.sqlite.moments import SqliteMoments
from infra.steering import Orders
from projections.projection import Projection, StoreUnavailable
from tests.contract.generations_contract import MIRROR, GenerationsContract
from tests.contract.replay_orders_contract import ReplayOrdersContract

HOLD: Final = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class Awaited:
    """As the contract asks it; the file's own methods do not wait."""

    def __init__(self, file: SqliteGenerations) -> None:
        self._file = file

    async def of(self, projection: Projection) -> Sequence[Generation]:
        return self._file.of(projection)

    async def live(self, projection: Projection) -> Generation:
        return self._file.live(projection)

    async def begin(self, projection: Projection) -> Generation:
        return self._file.begin(projection)

    async def swap(self, to: Generation) -> None:
        self._file.swap(to)

    async def forget(self, one: Generation) -> None:
        self._file.forget(one)


class TestSqliteGenerations(GenerationsContract):
    @pytest.fixture
    def generations(self, tmp_path: Path) -> Iterator[Awaited]:
        with closing(SqliteGenerations(tmp_path / "generations.db")) as file:
            yield Awaited(file)


class TestSqliteReplayOrders(ReplayOrdersContract):
    @pytest.fixture
    def known(self, tmp_path: Path) -> Iterator[SqliteGenerations]:
        (tmp_path / "projections").mkdir()
        with closing(SqliteGenerations(tmp_path / "generations.db")) as file:
            yield file

    @pytest.fixture
    def moments(self, known: SqliteGenerations, tmp_path: Path) -> Iterator[SqliteMoments]:
        del known
        with closing(SqliteMoments(tmp_path / "generations.db")) as moments:
            yield moments


async def test_the_death_of_who_builds_is_seen_at_once(tmp_path: Path) -> None:
    """As another process has it, which dies without a word."""
    (tmp_path / "projections").mkdir()
    with closing(SqliteGenerations(tmp_path / "generations.db")) as file:
        one = file.begin(MIRROR)
        await file.orders.begin(one)
        store = building_file(projection_file(tmp_path, *one[:3]))
        pipe, told = asyncio.subprocess.PIPE, [sys.executable, "-c", HOLD, str(store)]
        builder = await asyncio.create_subprocess_exec(*told, stdin=pipe, stdout=pipe)
        assert builder.stdout is not None
        await builder.stdout.readline()
        (running,) = await file.orders.under_way()
        builder.kill()
        await builder.wait()
        (stopped,) = await file.orders.under_way()

    assert (running.is_running, stopped.is_running) == (True, False)


async def test_who_has_the_number_of_one_that_was_dropped_was_told_nothing(tmp_path: Path) -> None:
    with closing(SqliteGenerations(tmp_path / "generations.db")) as file:
        one = file.begin(MIRROR)
        await file.orders.wish(one, "drop")
        file.forget(one)

        assert file.begin(MIRROR) == one
        assert await file.orders.begin(one) == Orders()


def test_another_process_sees_what_was_swapped(tmp_path: Path) -> None:
    with (
        closing(SqliteGenerations(tmp_path / "generations.db")) as one,
        closing(SqliteGenerations(tmp_path / "generations.db")) as another,
    ):
        one.swap(one.begin(MIRROR))

        assert another.live(MIRROR).number == 2


async def test_a_file_that_another_process_writes_for_long_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOCK_WAIT_S", 0.01)
    path = tmp_path / "generations.db"
    with closing(SqliteGenerations(path)) as file, closing(sqlite3.connect(path)) as other:
        one = file.begin(MIRROR)
        await file.orders.begin(one)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailable):
            await file.orders.wish(one, "pause")

        other.execute("ROLLBACK")
        assert await file.orders.of(one) == Orders()
