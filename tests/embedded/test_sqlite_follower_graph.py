"""The follower graph in SQLite keeps the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.sqlite.follower_graph import SqliteFollowerGraph
from projections.follower_graph import FollowerGraph
from tests.contract.follower_graph_contract import FollowerGraphContract


class TestSqliteFollowerGraph(FollowerGraphContract):
    @pytest.fixture
    def empty_store(
        self, tmp_path: Path
    ) -> Callable[[], AbstractAsyncContextManager[FollowerGraph]]:
        numbers = count()

        @asynccontextmanager
        async def opened() -> AsyncIterator[FollowerGraph]:
            store = SqliteFollowerGraph(tmp_path / f"graph-{next(numbers)}.db")
            yield store
            store.close()

        return opened
