"""Home timelines in SQLite keep the contract, and stay small."""

import math
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.sqlite.home_timelines import SqliteHomeTimelines
from tests import facts
from tests.contract.home_timelines_contract import HomeTimelinesContract, Opened

DAY_MS = 86_400_000


class OpenedFile:
    """A store on a file; the clock stands still unless it is told to go on."""

    def __init__(self, path: Path, *, threshold: float, depth: int) -> None:
        self.path = path
        self._depth = depth
        self._now_ms = facts.NOON_MS
        self.store = self._open(threshold)

    async def reopen(self, threshold: float) -> None:
        self.store.close()
        self.store = self._open(threshold)

    async def settle(self) -> None:
        self.store.wait_for_rebuilds()

    async def pass_days(self, days: int) -> None:
        self._now_ms += days * DAY_MS

    def count(self, table: str) -> int:
        """Rows of a table."""
        with sqlite3.connect(self.path) as connection:
            return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608

    def _open(self, threshold: float) -> SqliteHomeTimelines:
        return SqliteHomeTimelines(
            self.path, threshold=threshold, depth=self._depth, now_ms=lambda: self._now_ms
        )


@asynccontextmanager
async def opened_file(*, threshold: float, depth: int) -> AsyncIterator[OpenedFile]:
    with TemporaryDirectory() as folder:
        file = OpenedFile(Path(folder) / "home.db", threshold=threshold, depth=depth)
        try:
            yield file
        finally:
            file.store.close()


class TestSqliteHomeTimelines(HomeTimelinesContract):
    def opened(
        self, *, threshold: float = math.inf, depth: int = 800
    ) -> AbstractAsyncContextManager[Opened]:
        return opened_file(threshold=threshold, depth=depth)
