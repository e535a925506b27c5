"""Dead letters in SQLite keep the contract."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.sqlite.dead_letters import SqliteDeadLetters
from streams.dead_letters import Asked, Parked
from tests.contract.dead_letters_contract import WORDS, DeadLettersContract

OLD = """
CREATE TABLE dead_letters (
    projection TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL,
    key INTEGER, error TEXT NOT NULL, requested TEXT,
    PRIMARY KEY (projection, partition, position)) WITHOUT ROWID;
CREATE INDEX requested ON dead_letters (projection) WHERE requested IS NOT NULL;
INSERT INTO dead_letters VALUES ('words', 0, 7, 3, 'odd', 'retry'), ('words', 0, 8, 3, 'odd', NULL);
"""


async def test_a_file_from_before_generations_had_letters_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "dead_letters.db"
    with closing(sqlite3.connect(path)) as older:
        older.executescript(OLD)

    SqliteDeadLetters(path).close()
    with closing(SqliteDeadLetters(path)) as dead_letters:
        letters = await dead_letters.queue_of(Parked(WORDS, 0, 7, 3, ""))
        asked = await dead_letters.asked(WORDS)

    assert letters == [Parked(WORDS, 0, position, 3, "odd") for position in (7, 8)]
    assert asked == [Asked(letters[0], discard=False)]


class TestSqliteDeadLetters(DeadLettersContract):
    @pytest.fixture
    def dead_letters(self, tmp_path: Path) -> Iterator[SqliteDeadLetters]:
        with closing(SqliteDeadLetters(tmp_path / "dead_letters.db")) as dead_letters:
            yield dead_letters
