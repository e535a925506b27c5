"""The analytics tables in SQLite keep the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.sqlite.engagement import SqliteEngagement
from projections.engagement import Engagement
from tests.contract.engagement_contract import EngagementContract


class TestSqliteEngagement(EngagementContract):
    @pytest.fixture
    def empty_store(self, tmp_path: Path) -> Callable[[], AbstractAsyncContextManager[Engagement]]:
        numbers = count()

        @asynccontextmanager
        async def opened() -> AsyncIterator[Engagement]:
            store = SqliteEngagement(tmp_path / f"engagement-{next(numbers)}.db")
            yield store
            store.close()

        return opened
