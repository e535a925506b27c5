"""Post cards in SQLite keep the contract, and nothing of a post that is gone."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from domain.events import Event
from infra.sqlite.post_cards import SqlitePostCards
from projections.post_cards import POST_CARDS
from tests.contract.post_cards_contract import PostCardsContract, closed
from tests.contract.projecting import deliver
from tests.facts import deleted, edited, liked, recorded, tweet

POST = tweet("ada", "one")


class TestSqlitePostCards(PostCardsContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqlitePostCards]:
        with TemporaryDirectory() as folder:
            store = SqlitePostCards(Path(folder) / "post_cards.db")
            yield store
            store.close()

    @pytest.mark.parametrize("end", [deleted(POST), closed("ada")])
    @pytest.mark.parametrize("end_first", [False, True])
    async def test_no_words_are_kept_of_a_post_that_is_gone(
        self, tmp_path: Path, end: Event, end_first: bool
    ) -> None:
        path = tmp_path / "post_cards.db"
        batches = [recorded([POST, edited(POST, "two"), liked("ada", POST)]), recorded([end])]
        store = SqlitePostCards(path)

        await deliver(POST_CARDS, store, *(reversed(batches) if end_first else batches))

        store.close()
        with closing(sqlite3.connect(path)) as rows:
            assert (
                rows.execute("SELECT text FROM posts UNION ALL SELECT text FROM edits").fetchall()
                == []
            )
