"""Replay beside a running server: nothing is refused, nothing is lost, the answers are the same."""

import json
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from infra.folder import projection_file
from streams.registry import PROJECTIONS
from tests.blackbox.client import Api, Person
from tests.blackbox.server import PROGRAM, Server, serving

pytestmark = pytest.mark.slow

PATHS: Final = (
    "/v1/timelines/home?limit=100",
    "/v1/timelines/public?limit=100",
    "/v1/notifications?limit=100",
    "/v1/search/posts?q=replayed&limit=100",
)


class Town:
    """A server with three people who did a bit of everything."""

    def __init__(self, server: Server, http: httpx.Client) -> None:
        self.server = server
        self.api = Api(http)
        self.ada, self.bob, self.cleo = (self.api.person() for _ in range(3))
        for one in (self.ada, self.bob):
            self.cleo.relate("follow", one)
        posts = [self.ada.tweet(f"to be replayed {n}") for n in range(40)]
        posts += [self.bob.reply(posts[0], "replayed too"), self.bob.tweet("replayed by bob")]
        for post in posts[:5]:
            self.cleo.react("like", post)
            self.bob.react("repost", post)
        self.ada.delete(f"/v1/tweets/{posts[1]['id']}")
        self.cleo.relate("mute", self.bob)

    def answers(self) -> list[Any]:
        """What cleo and everybody sees."""
        people = f"/v1/accounts/{self.ada.id}"
        paths = (*PATHS, people, f"{people}/followers", f"{people}/posts?limit=100")
        return [_in_order(self.cleo.get(path).raise_for_status().json()) for path in paths]

    def generations(self) -> dict[str, int]:
        told = self.server.command("projections", "--json")
        return {one["name"]: one["generation"] for one in json.loads(told.stdout)}


def _in_order(answer: Any) -> Any:
    """What a page includes has no order of its own."""
    for included in answer.get("includes", {}).values():
        included.sort(key=lambda one: int(one["id"]))
    return answer


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with (
        serving(tmp_path / "data") as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        yield Town(server, http)


def done(ended: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def test_every_projection_is_built_anew_while_clients_read_and_write(town: Town) -> None:
    before = town.answers()
    stop = threading.Event()
    failures: list[httpx.Response] = []
    reads = 0

    def read(who: Person) -> None:
        nonlocal reads
        while not stop.is_set():
            for path in PATHS:
                answer = who.get(path)
                reads += 1
                if answer.status_code != 200:
                    failures.append(answer)

    with httpx.Client(base_url=town.server.url, timeout=30) as http:
        reader = Person(Api(http), town.cleo.id, town.cleo.handle)
        reader.sign_in()
        reading = threading.Thread(target=read, args=(reader,))
        reading.start()
        try:
            ended = town.server.command("replay", "--all", "--json")
        finally:
            stop.set()
            reading.join()

    assert ended.returncode == 0, ended.stderr
    assert failures == []
    assert reads > 0
    assert town.generations() == {projection.name: 2 for projection in PROJECTIONS}
    assert town.answers() == before


def test_the_new_generation_follows_the_log_and_so_does_the_one_before(town: Town) -> None:
    done(town.server.command("replay", "home_timelines", "--json"))
    after_swap = town.ada.tweet("after the swap")

    assert after_swap["id"] in town.cleo.home()
    assert done(town.server.command("rollback", "home_timelines", "--json"))["generation"] == 1
    after_rollback = town.ada.tweet("after the rollback")
    assert town.cleo.home()[:2] == [after_rollback["id"], after_swap["id"]]


def test_which_generation_answers_is_remembered(town: Town) -> None:
    done(town.server.command("replay", "post_cards", "--json"))
    before = town.answers()

    assert town.server.stop() == 0
    town.server.start()

    assert town.generations()["post_cards"] == 2
    assert town.answers() == before
    pruned = done(town.server.command("projections", "prune", "post_cards", "--json"))
    assert pruned["dropped"] == [1]
    assert not projection_file(town.server.folder, "post_cards", 1, 1).exists()
    assert town.answers() == before


def test_without_a_swap_the_live_one_goes_on_to_answer(town: Town) -> None:
    told = done(town.server.command("replay", "trends", "--no-swap", "--json"))

    assert (told["built"], told["answering"]) == (2, 2) or told["answering"] == 1
    assert town.generations()["trends"] == 1


@pytest.mark.parametrize("kills", [3])
def test_a_killed_replay_goes_on_where_it_was(town: Town, kills: int) -> None:
    before = town.answers()
    path = projection_file(town.server.folder, "author_timelines", 1, 2)
    reached = 0
    for _ in range(kills):
        killed = subprocess.Popen(
            [PROGRAM, "replay", "author_timelines", "--throttle", "50"],
            env=town.server.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        reached = wait_beyond(path, reached)
        killed.send_signal(signal.SIGKILL)
        killed.wait()

    told = done(town.server.command("replay", "author_timelines", "--json"))

    assert (told["built"], told["answering"]) == (2, 2)
    assert told["events"] < head_of(town.server.folder)
    assert town.answers() == before


def test_what_cannot_be_done_is_said(town: Town) -> None:
    for arguments, reason in (
        (("replay", "nonsense"), "no projection nonsense"),
        (("rollback", "trends"), "No earlier generation"),
        (("replay",), "--all"),
    ):
        ended = town.server.command(*arguments)

        assert ended.returncode != 0
        assert reason in ended.stderr
        assert "Traceback" not in ended.stderr


def wait_beyond(path: Path, position: int) -> int:
    """The checkpoint in a file, once it has moved on."""
    pause = threading.Event()
    for _ in range(600):
        if path.exists():
            with closing(sqlite3.connect(path)) as file:
                try:
                    row = file.execute("SELECT position FROM checkpoints").fetchone()
                except sqlite3.OperationalError:
                    row = None
            if row is not None and row[0] > position:
                return int(row[0])
        pause.wait(0.05)
    raise AssertionError("The replay does not move on")


def head_of(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "log.db")) as log:
        return int(log.execute("SELECT MAX(rowid) FROM stored_events").fetchone()[0])
