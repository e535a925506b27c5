"""Replay beside a running server: nothing is refused, nothing is lost, the answers are the same."""

import json
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from infra.folder import projection_file
from tests.blackbox.client import READS_MAX
from tests.blackbox.server import PROGRAM, Server, serving
from tests.blackbox.town import Town, clients
from tests.embedded.killed import head_of, kill_in_the_middle, wait_beyond

# Each test starts the program a few times.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Slow enough that none comes to its end by itself.
SLOW = "0.2"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests, each of which replays a projection that no other does."""
    with serving(tmp_path_factory.mktemp("replay") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def town(server: Server) -> Iterator[Town]:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        yield Town(http)


def generations(server: Server) -> dict[str, int]:
    told = server.command("projections", "--json")
    return {one["name"]: one["generation"] for one in json.loads(told.stdout)}


def done(ended: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def test_the_new_generation_follows_the_log_and_so_does_the_one_before(
    server: Server, town: Town
) -> None:
    done(server.command("replay", "home_timelines", "--json"))
    after_swap = town.ada.tweet("after the swap")

    assert after_swap["id"] in town.cleo.home()
    assert done(server.command("rollback", "home_timelines", "--json"))["generation"] == 1
    after_rollback = town.ada.tweet("after the rollback")
    assert town.cleo.home()[:2] == [after_rollback["id"], after_swap["id"]]


def test_which_generation_answers_is_remembered(server: Server, town: Town) -> None:
    done(server.command("replay", "post_cards", "--json"))
    before = town.answers()

    assert server.stop() == 0
    server.start()

    assert generations(server)["post_cards"] == 2
    assert town.answers() == before
    pruned = done(server.command("projections", "prune", "post_cards", "--json"))
    assert pruned["dropped"] == [1]
    assert not projection_file(server.folder, "post_cards", 1, 1).exists()
    assert town.answers() == before


def test_without_a_swap_the_live_one_goes_on_to_answer(server: Server, town: Town) -> None:
    del town
    told = done(server.command("replay", "trends", "--no-swap", "--json"))

    assert (told["built"], told["answering"]) == (2, 1)
    assert generations(server)["trends"] == 1


def test_what_would_be_built_is_said_and_nothing_done(server: Server, town: Town) -> None:
    del town
    head = head_of(server.folder)

    planned = done(server.command("replay", "moderation", "--dry-run", "--json"))

    assert planned == {"projection": "moderation", "would_build": 2, "events": head, "done": 0}
    assert not projection_file(server.folder, "moderation", 1, 2).exists()
    assert generations(server)["moderation"] == 1


def test_a_side_generation_is_built_as_of_a_position(server: Server, town: Town) -> None:
    del town
    told = done(server.command("replay", "author_timelines", "--to", "30", "--json"))

    assert (told["built"], told["answering"], told["events"]) == (2, 1, 30)
    assert told["as_of"] == "log/0:30"
    planned = done(server.command("replay", "author_timelines", "--dry-run", "--json"))
    assert (planned["would_build"], planned["done"]) == (3, 0)
    beyond = server.command("replay", "author_timelines", "--to", "9999999")
    assert beyond.returncode == 1
    assert "only" in beyond.stderr
    assert done(server.command("replay", "author_timelines", "--json"))["answering"] == 3


def test_a_killed_replay_goes_on_where_it_was(server: Server, town: Town) -> None:
    before = town.answers()

    kill_in_the_middle(server, "engagement", "--throttle", SLOW, kills=3)
    told = done(server.command("replay", "engagement", "--throttle", "0", "--json"))

    assert (told["built"], told["answering"]) == (2, 2)
    assert told["events"] < head_of(server.folder)
    assert town.answers() == before


def test_an_interrupted_replay_says_that_it_can_go_on(server: Server, town: Town) -> None:
    del town
    interrupted = subprocess.Popen(
        [PROGRAM, "replay", "conversations", "--throttle", SLOW],
        env=server.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_beyond(projection_file(server.folder, "conversations", 1, 2), 0)
    too_early = server.command("projections", "prune", "conversations")
    interrupted.send_signal(signal.SIGINT)
    _, told = interrupted.communicate(timeout=60)

    assert too_early.returncode == 1
    assert "is being built by another process" in too_early.stderr
    assert interrupted.returncode == 130
    assert "the same command goes on where it was" in told
    assert "Traceback" not in told
    assert generations(server)["conversations"] == 1
    dropped = done(server.command("projections", "prune", "conversations", "--json"))["dropped"]
    assert dropped == [2]


def test_what_cannot_be_done_is_said(server: Server, town: Town) -> None:
    del town
    for arguments, reason in (
        (("replay", "nonsense"), "no projection nonsense"),
        (("rollback", "moderation"), "No earlier generation"),
        (("replay",), "--all"),
    ):
        ended = server.command(*arguments)

        assert ended.returncode != 0
        assert reason in ended.stderr
        assert "Traceback" not in ended.stderr


def test_every_projection_is_built_anew_while_clients_read_and_write(
    server: Server, town: Town
) -> None:
    before, numbers = town.answers(), generations(server)

    opened = partial(httpx.Client, base_url=server.url, timeout=30)
    with clients(opened, town, reads_max=READS_MAX) as seen:
        ended = server.command("replay", "--all", "--json")

    assert ended.returncode == 0, ended.stderr
    assert (seen.failed, seen.stale, seen.behind) == ([], [], [])
    assert seen.reads > 0
    assert all(number > numbers[name] for name, number in generations(server).items())
    for post_id in seen.posted:
        town.bob.delete(f"/v1/tweets/{post_id}")
    assert town.answers() == before
