"""Generations as of moments, in the file of the generations."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.sqlite.generations import SqliteGenerations
from infra.sqlite.moments import SqliteMoments
from tests.contract.generations_contract import MIRROR
from tests.contract.moments_contract import NOON, Kept, MomentsContract
from tests.embedded.test_sqlite_generations import Awaited


class TestSqliteMoments(MomentsContract):
    @pytest.fixture
    def kept(self, tmp_path: Path) -> Iterator[Kept]:
        path = tmp_path / "generations.db"
        with closing(SqliteMoments(path)) as moments, closing(SqliteGenerations(path)) as file:
            yield Kept(moments, Awaited(file))


async def test_another_process_sees_what_was_built(tmp_path: Path) -> None:
    path = tmp_path / "generations.db"
    with closing(SqliteMoments(path)) as one, closing(SqliteMoments(path)) as another:
        await one.finish(await one.begin(MIRROR, NOON))

        assert [(side.moment, side.whole) for side in await another.every()] == [(NOON, True)]
