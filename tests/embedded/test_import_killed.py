"""An import that is killed in the middle goes on where it was: nothing doubled, nothing lost."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from infra.importing.imports import Files
from infra.importing.tally import Summary
from tests.programs import out_of, starling
from tests.write_side import WriteSide

PEOPLE = 1_500
POSTS = 4_000
KILLS = 4


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


def head_of(folder: Path) -> int:
    with WriteSide(folder) as side:
        return side.log.head


@pytest.mark.slow
async def test_what_was_killed_goes_on(tmp_path: Path, files: Files) -> None:
    folder = tmp_path / "data"
    for _ in range(KILLS):
        running = start(folder, files)
        # Wherever it is by then: starting, opening accounts, in the middle of a commit.
        with pytest.raises(subprocess.TimeoutExpired):
            running.communicate(timeout=1.5)
        running.kill()
        running.communicate()

    resumed = start(folder, files)
    summary = json.loads(out_of(resumed).read())
    resumed.communicate()
    whole = await imported_in_one_go(tmp_path / "other", files)

    assert summary["posts"] + summary["follows"] < whole.posts + whole.follows
    assert summary["posts"] + summary["follows"] + summary["known"] == whole.posts + whole.follows
    assert head_of(folder) == head_of(tmp_path / "other")


async def imported_in_one_go(folder: Path, files: Files) -> Summary:
    with WriteSide(folder) as side:
        return await side.imports.run(files, lambda _progress: None)
