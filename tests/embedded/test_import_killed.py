"""An import that is killed in the middle goes on where it was: nothing doubled, nothing lost."""

import json
import random
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from infra.importing.imports import Files
from infra.sqlite.connections import connect
from infra.sqlite.recorder import create_log
from tests.programs import starling
from tests.write_side import WriteSide

PEOPLE = 1_500
POSTS = 4_000
KILLS = 4
# The runs that are killed know nothing of these: however late they are, something is left.
KEPT_BACK = 400


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Replies to earlier and later posts, and follows in both directions."""
    chance = random.Random(3)
    posts, follows = tmp_path / "posts.jsonl", tmp_path / "follows.tsv"
    with posts.open("w") as out:
        for n in range(POSTS):
            parent = (
                str(chance.choice([n - 1, n + 1])) if 0 < n < POSTS - 1 and n % 3 == 0 else None
            )
            line = {
                "id": str(n),
                "user": str(chance.randrange(PEOPLE)),
                "created_at": f"2012-10-25T21:{n % 60:02}:34Z",
                "text": f"post {n}",
                "in_reply_to": parent,
            }
            out.write(json.dumps(line) + "\n")
    pairs = {tuple(chance.sample(range(PEOPLE), 2)) for _ in range(POSTS)}
    follows.write_text("".join(f"{one}\t{other}\n" for one, other in sorted(pairs)))
    return Files(posts=(str(posts),), follows=(str(follows),), namespace="set")


def start(folder: Path, files: Files) -> "subprocess.Popen[str]":
    named = ["--posts", files.posts[0], "--follows", files.follows[0], "--namespace", "set"]
    return starling(folder, "import", *named, "--json")


def beginning(files: Files, folder: Path) -> Files:
    """The same files without their ends."""
    folder.mkdir()
    parts = []
    for path in map(Path, (*files.posts, *files.follows)):
        lines = path.read_text().splitlines(keepends=True)
        parts.append(folder / path.name)
        parts[-1].write_text("".join(lines[:-KEPT_BACK]))
    posts, follows = map(str, parts)
    return Files(posts=(posts,), follows=(follows,), namespace="set")


def head_of(folder: Path) -> int:
    with closing(connect(folder / "log.db")) as log:
        return int(log.execute("SELECT MAX(rowid) FROM stored_events").fetchone()[0] or 0)


def kill_behind(position: int, folder: Path, running: "subprocess.Popen[str]") -> None:
    """Kill the program as soon as its log is behind `position`, wherever in a commit it is."""
    while head_of(folder) < position:
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(timeout=0.02)
    running.kill()
    running.communicate()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_was_killed_goes_on(tmp_path: Path, files: Files) -> None:
    with WriteSide(tmp_path / "other") as side:
        whole = await side.imports.run(files, lambda _progress: None)
    folder = tmp_path / "data"
    folder.mkdir()
    create_log(folder / "log.db")

    begun = beginning(files, tmp_path / "begun")
    for n in range(1, KILLS + 1):
        kill_behind(whole.events * n // (KILLS + 1), folder, start(folder, begun))
    summary = json.loads(start(folder, files).communicate()[0])

    done = summary["posts"] + summary["follows"]
    assert 0 < done < whole.posts + whole.follows
    assert done + summary["known"] == whole.posts + whole.follows
    assert head_of(folder) == whole.events
