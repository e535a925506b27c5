"""Dead letters in SQLite keep the contract."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.sqlite.dead_letters import SqliteDeadLetters
from tests.contract.dead_letters_contract import DeadLettersContract


class TestSqliteDeadLetters(DeadLettersContract):
    @pytest.fixture
    def dead_letters(self, tmp_path: Path) -> Iterator[SqliteDeadLetters]:
        with closing(SqliteDeadLetters(tmp_path / "dead_letters.db")) as dead_letters:
            yield dead_letters
