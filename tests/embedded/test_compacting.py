"""A file that was written anew has nothing of what was deleted; one that was not, still may."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.events import AccountClosed
from infra.sqlite.compacting import LEFT_OVER, compact, delete
from infra.sqlite.connections import connect
from infra.sqlite.search_index import SqliteSearchIndex
from infra.sqlite.trends import SqliteTrends
from projections import search_index, trends
from tests import facts

ROWS = 4_000
WORD = "qwortig"


def occurrences(path: Path) -> int:
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(f.read_bytes().lower().count(WORD.encode()) for f in files if f.exists())


def filled(path: Path) -> int:
    """Rows in no order, some of which are deleted again; how many."""
    chance = random.Random(1)
    with closing(connect(path)) as file:
        file.execute("PRAGMA secure_delete=OFF")
        file.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")
        for number in chance.sample(range(10**9), ROWS):
            word = WORD if chance.random() < 0.05 else "word"
            text = f"{word} {number} {'x' * chance.randrange(150)}"
            file.execute("INSERT INTO rows VALUES (?, ?)", (number, text))
        deleted = file.execute("DELETE FROM rows WHERE text LIKE ?", (f"{WORD}%",)).rowcount
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return deleted


def test_deleted_rows_are_nowhere_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    deleted = filled(path)
    before = occurrences(path)

    compact(path)

    assert deleted > 100
    assert before > 0
    assert occurrences(path) == 0
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT COUNT(*) FROM rows").fetchone() == (ROWS - deleted,)
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_readers_go_on_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    deleted = filled(path)
    with closing(connect(path)) as reader:
        count = "SELECT COUNT(*) FROM rows"
        before = reader.execute(count).fetchone()
        compact(path)
        assert reader.execute(count).fetchone() == before == (ROWS - deleted,)


def test_rows_are_deleted_without_writing_the_file_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    with closing(connect(path)) as file:
        file.execute("CREATE TABLE rows (text TEXT)")
        file.executemany("INSERT INTO rows VALUES (?)", [(WORD,), ("word",), (WORD,)])
        numbers = file.execute("SELECT rowid FROM rows WHERE text <> ?", (WORD,)).fetchall()

        assert delete(path, "DELETE FROM rows WHERE text = ?", (WORD,)) == 2
        assert occurrences(path) == 0
        assert file.execute("SELECT rowid FROM rows").fetchall() == numbers


@pytest.mark.parametrize("name", ["search_index", "trends"])
async def test_words_that_an_index_kept_go(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.db"
    tweets = [facts.tweet("ada", f"{WORD} #{WORD} {n}") for n in range(30)]
    others = [facts.tweet("bob", f"word #tag {n}") for n in range(30)]
    closed = facts.recorded(
        [*tweets, *others, AccountClosed(event_id=facts.event_id(), actor_id=facts.account("ada"))]
    )
    store = SqliteSearchIndex(path) if name == "search_index" else SqliteTrends(path)
    project = search_index.project if name == "search_index" else trends.project
    for one in closed:
        await store.apply(project([one]), {0: one.position})  # type: ignore[arg-type]
    before = occurrences(path)

    compact(path, LEFT_OVER[name])

    store.close()
    assert before > 0
    assert occurrences(path) == 0
