"""The account directory in SQLite keeps the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.sqlite.account_directory import SqliteAccountDirectory
from projections.account_directory import AccountDirectory
from tests.contract.account_directory_contract import AccountDirectoryContract


class TestSqliteAccountDirectory(AccountDirectoryContract):
    @pytest.fixture
    def empty_store(
        self, tmp_path: Path
    ) -> Callable[[], AbstractAsyncContextManager[AccountDirectory]]:
        numbers = count()

        @asynccontextmanager
        async def opened() -> AsyncIterator[AccountDirectory]:
            store = SqliteAccountDirectory(tmp_path / f"accounts-{next(numbers)}.db")
            yield store
            store.close()

        return opened
