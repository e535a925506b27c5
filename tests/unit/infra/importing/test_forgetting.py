"""Rejected lines of a person go; everybody else's stay."""

import json
from pathlib import Path

from infra.importing.file_ids import source_of
from infra.importing.forgetting import forget
from infra.importing.rejects import Rejects
from tests.fakes import FakeHandles

HANDLES = FakeHandles()
OTHERS = '{"id": "1", "user": "bob", "text": "hello"}'


def rejected(folder: Path, *lines: str) -> Path:
    path = folder / "set.rejects.jsonl"
    with Rejects(path) as rejects:
        for number, line in enumerate(lines):
            rejects.add(Path("set.jsonl"), number, "why", line.encode())
    return path


def left(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text().splitlines()]


def forget_ada(folder: Path, *, handle: str = "ada_of_set") -> int:
    source = source_of("set", "account/Ada", HANDLES)
    return forget(folder, HANDLES, handle=handle, source=source)


def test_what_a_person_wrote_goes(tmp_path: Path) -> None:
    theirs = '{"id": "2", "user": "Ada", "text": "hello"}'
    path = rejected(tmp_path, OTHERS, theirs, "Ada\tbob", "bob\tAda")

    assert forget_ada(tmp_path) == 3
    assert left(path) == [OTHERS]


def test_lines_with_the_handle_go(tmp_path: Path) -> None:
    another = '{"id": "3", "user": "bob", "text": "hi @ada_of_settlers"}'
    path = rejected(tmp_path, "hi @ADA_of_set", another, "not even a line")

    assert forget_ada(tmp_path) == 1
    assert left(path) == [another, "not even a line"]


def test_a_file_of_nobody_else_goes(tmp_path: Path) -> None:
    path = rejected(tmp_path, '{"id": "2", "user": "Ada", "text": "hello"}')

    assert forget_ada(tmp_path) == 1
    assert not path.exists()


def test_a_person_of_another_case_or_import_stays(tmp_path: Path) -> None:
    path = rejected(tmp_path, '{"id": "2", "user": "ada", "text": "hello"}')
    path.rename(tmp_path / "other.rejects.jsonl")
    rejected(tmp_path, '{"id": "2", "user": "ADA", "text": "hello"}')

    assert forget_ada(tmp_path) == 0


def test_where_nothing_was_rejected_nothing_goes(tmp_path: Path) -> None:
    assert forget_ada(tmp_path / "imports", handle="") == 0
