"""Moderation in SQLite keeps the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.sqlite.moderation import SqliteModeration
from projections.moderation import Moderation
from tests.contract.moderation_contract import ModerationContract


class TestSqliteModeration(ModerationContract):
    @pytest.fixture
    def empty_store(self, tmp_path: Path) -> Callable[[], AbstractAsyncContextManager[Moderation]]:
        numbers = count()

        @asynccontextmanager
        async def opened() -> AsyncIterator[Moderation]:
            store = SqliteModeration(tmp_path / f"moderation-{next(numbers)}.db")
            yield store
            store.close()

        return opened
