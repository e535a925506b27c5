"""The trends in SQLite keep the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.sqlite.trends import SqliteTrends
from projections.trends import Trends
from tests.contract.trends_contract import TrendsContract


class TestSqliteTrends(TrendsContract):
    @pytest.fixture
    def empty_store(self, tmp_path: Path) -> Callable[[], AbstractAsyncContextManager[Trends]]:
        numbers = count()

        @asynccontextmanager
        async def opened() -> AsyncIterator[Trends]:
            store = SqliteTrends(tmp_path / f"trends-{next(numbers)}.db")
            yield store
            store.close()

        return opened
