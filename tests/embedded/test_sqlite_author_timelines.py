"""Author timelines in SQLite keep the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.sqlite.author_timelines import SqliteAuthorTimelines
from tests.contract.author_timelines_contract import AuthorTimelinesContract


class TestSqliteAuthorTimelines(AuthorTimelinesContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqliteAuthorTimelines]:
        with TemporaryDirectory() as folder:
            store = SqliteAuthorTimelines(Path(folder) / "author_timelines.db")
            yield store
            store.close()
