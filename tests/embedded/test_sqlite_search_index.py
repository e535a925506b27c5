"""The search index in SQLite keeps the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.sqlite.search_index import SqliteSearchIndex
from projections.search_index import SearchIndex
from tests.contract.people_search_contract import PeopleSearchContract
from tests.contract.search_index_contract import SearchIndexContract
from tests.contract.search_matching_contract import SearchMatchingContract


class TestSqliteSearchIndex(SearchIndexContract, SearchMatchingContract, PeopleSearchContract):
    @pytest.fixture
    def empty_store(self, tmp_path: Path) -> Callable[[], AbstractAsyncContextManager[SearchIndex]]:
        numbers = count()

        @asynccontextmanager
        async def opened() -> AsyncIterator[SearchIndex]:
            store = SqliteSearchIndex(tmp_path / f"search_index-{next(numbers)}.db")
            yield store
            store.close()

        return opened
