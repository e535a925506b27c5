"""Conversations in SQLite keep the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.sqlite.conversations import SqliteConversations
from tests.contract.conversations_contract import ConversationsContract


class TestSqliteConversations(ConversationsContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqliteConversations]:
        with TemporaryDirectory() as folder:
            store = SqliteConversations(Path(folder) / "conversations.db")
            yield store
            store.close()
