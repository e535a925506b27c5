"""Notifications in SQLite keep the contract, by way of their indexes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.sqlite.notifications import SqliteNotifications
from projections.notifications import Notifications
from tests.contract.notifications_contract import NotificationsContract


class TestSqliteNotifications(NotificationsContract):
    @pytest.fixture
    def empty_store(
        self, tmp_path: Path
    ) -> Callable[[], AbstractAsyncContextManager[Notifications]]:
        numbers = count()

        @asynccontextmanager
        async def opened() -> AsyncIterator[Notifications]:
            store = SqliteNotifications(tmp_path / f"notifications-{next(numbers)}.db")
            yield store
            store.close()

        return opened
