"""Post cards in SQLite keep the contract, and find their rows by index."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.sqlite.post_cards import SqlitePostCards
from tests.contract.post_cards_contract import PostCardsContract


class TestSqlitePostCards(PostCardsContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqlitePostCards]:
        with TemporaryDirectory() as folder:
            store = SqlitePostCards(Path(folder) / "post_cards.db")
            yield store
            store.close()
