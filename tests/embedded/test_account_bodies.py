"""Accounts that are kept as JSON, of rows that SQLite stores keep."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

from infra.account_bodies import KeptBodies
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.sqlite.author_timelines import SqliteAuthorTimelines
from infra.sqlite.follower_graph import SqliteFollowerGraph
from tests import facts
from tests.contract.account_bodies_contract import PEOPLE, AccountBodiesContract, Accounts


class TestKeptBodies(AccountBodiesContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Accounts]:
        with TemporaryDirectory() as folder, ExitStack() as self.open:
            self.folder = Path(folder)
            views = SimpleNamespace(
                account_directory=self.made(SqliteAccountDirectory, "directory"),
                author_timelines=self.made(SqliteAuthorTimelines, "timelines"),
                follower_graph=self.made(SqliteFollowerGraph, "graph"),
            )
            bodies = KeptBodies(cast("Any", views), lambda: True)
            yield Accounts(views, bodies, written=views, stores=views)

    def another_graph(self) -> Any:
        return self.made(SqliteFollowerGraph, "another")

    def made(self, kind: Any, name: str) -> Any:
        return self.open.enter_context(closing(kind(self.folder / f"{name}.db")))

    async def test_what_is_asked_for_again_is_made_once(self) -> None:
        async with self.opened() as accounts:
            await accounts.take(*facts.Log().record(facts.opened("ada"), facts.opened("bob")))
            first, again = [await accounts.known(PEOPLE) for _ in range(2)]

        assert [again[one] is body for one, body in first.items()] == [True, True]
