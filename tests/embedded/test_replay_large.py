"""Replay of a large log while clients go on, killed again and again."""

import json
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams.registry import PROJECTIONS
from tests import large_log
from tests.blackbox.client import Person
from tests.blackbox.server import PROGRAM, Server, serving
from tests.blackbox.town import Town, clients
from tests.embedded.killed import head_of, kill_in_the_middle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLED = 15
EVERY_ONE = tuple(one.name for one in PROJECTIONS)
TORTURE = [pytest.mark.torture, pytest.mark.timeout(0)]


def told(server: Server, *arguments: str) -> Any:
    """What the command line says as its last line, however long that takes."""
    ended = subprocess.run(
        [PROGRAM, *arguments, "--json"],
        env=server.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4_000:] + ended.stderr[-4_000:]
    return json.loads(ended.stdout.splitlines()[-1])


def load(server: Server, folder: Path, events: int) -> None:
    """Import a log of so many events."""
    files = large_log.write(folder, events)
    of_posts = [argument for path in files.posts for argument in ("--posts", path)]
    of_follows = [argument for path in files.follows for argument in ("--follows", path)]
    told(server, "import", *of_posts, *of_follows, "--namespace", large_log.NAMESPACE)
    assert head_of(server.folder) > events * 0.9


def answers(who: Person) -> Sequence[Any]:
    """What somebody sees of people who were imported."""
    found = who.get("/v1/search/posts?q=replayed&limit=100").raise_for_status().json()
    people = sorted({item["author_id"] for item in found["items"]})[:SAMPLED]
    paths = [
        f"/v1/accounts/{one}{what}"
        for one in people
        for what in ("", "/posts?limit=100", "/followers?limit=100")
    ]
    assert len(people) == SAMPLED
    return [
        found["items"],
        *(
            who.get(path).raise_for_status().json()["items" if "?" in path else "id"]
            for path in paths
        ),
    ]


@pytest.mark.parametrize(
    ("events", "names", "kills"),
    [
        (10_000, ("author_timelines", "home_timelines"), 3),
        pytest.param(50_000, EVERY_ONE, 3, marks=TORTURE),
        pytest.param(1_000_000, EVERY_ONE, 20, marks=TORTURE),
    ],
)
def test_a_large_log_is_replayed_while_clients_read_and_write(
    tmp_path: Path, events: int, names: Sequence[str], kills: int
) -> None:
    with (
        serving(tmp_path / "data") as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        load(server, tmp_path / "files", events)
        town = Town(http)
        town.wait_until_shown()
        before = [town.answers(), answers(town.cleo)]

        with clients(partial(httpx.Client, base_url=server.url, timeout=30), town) as seen:
            reached = kill_in_the_middle(server, names[0], kills=kills)
            replayed = [told(server, "replay", name) for name in names]

        assert (seen.failed, seen.stale) == ([], [])
        assert seen.reads > 0
        assert replayed[0]["events"] <= head_of(server.folder) - reached
        assert {one["answering"] for one in replayed} == {2}
        for post_id in seen.posted:
            town.bob.delete(f"/v1/tweets/{post_id}")
        assert [town.answers(), answers(town.cleo)] == before
