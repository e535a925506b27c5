"""Replay of a large log while clients go on, killed again and again."""

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from streams.registry import PROJECTIONS
from tests import bulk_log
from tests.blackbox.crowd_seen import of_crowd
from tests.blackbox.server import PROGRAM, Server
from tests.blackbox.town import Seen, Town, clients
from tests.embedded.killed import head_of, kill_in_the_middle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EVERY_ONE: Final = tuple(one.name for one in PROJECTIONS)
TORTURE: Final = [pytest.mark.torture, pytest.mark.timeout(0)]
PROCESSES: Final = 2
# A server that begins with more than that is not ready in time: it has them all before.
FOLLOWED_MAX: Final = 100_000
# For each event: even the last of twenty is killed long before the end.
KILLED_WITHIN_S: Final = 1e-6
KEYS_ASKED: Final = "200"


class Went(NamedTuple):
    """What came of it: what clients saw, what each replay and each proof told."""

    seen: Seen
    replayed: Sequence[Any]
    verified: Sequence[Any]
    answers_equal: bool


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


def load(server: Server, events: int) -> None:
    """Give a server that does not run yet a log of so many events, and views of it where it could
    not follow it soon."""
    bulk_log.write(server.folder, events)
    if events > FOLLOWED_MAX:
        with ThreadPoolExecutor(PROCESSES) as filling:
            for _ in filling.map(partial(filled, server), EVERY_ONE):
                pass


def filled(server: Server, name: str) -> Any:
    """The view of a projection that no server has opened yet."""
    return told(server, "replay", name, "--no-swap")


def replayed_while_clients_go_on(server: Server, names: Sequence[str], kills: int) -> Went:
    """Replay projections of a running server, the first one killed again and again, and prove
    each."""
    with httpx.Client(base_url=server.url, timeout=30) as http:
        town = Town(http)
        town.wait_until_shown()
        before = [town.answers(), of_crowd(town.cleo)]
        with clients(partial(httpx.Client, base_url=server.url, timeout=30), town) as seen:
            within_s = head_of(server.folder) * KILLED_WITHIN_S
            reached = kill_in_the_middle(server, names[0], kills=kills, within_s=within_s)
            replayed = [told(server, "replay", name) for name in names]
            verified = [told(server, "verify", name, "--sample", KEYS_ASKED) for name in names]
        town.sign_in()
        assert replayed[0]["events"] <= head_of(server.folder) - reached
        for post_id in seen.posted:
            town.bob.delete(f"/v1/tweets/{post_id}")
        return Went(seen, replayed, verified, [town.answers(), of_crowd(town.cleo)] == before)


@pytest.mark.parametrize(
    ("events", "names", "kills"),
    [
        (50_000, ("author_timelines", "home_timelines"), 3),
        pytest.param(50_000, EVERY_ONE, 3, marks=TORTURE),
        pytest.param(1_000_000, EVERY_ONE, 20, marks=TORTURE),
    ],
)
def test_a_large_log_is_replayed_while_clients_read_and_write(
    tmp_path: Path, events: int, names: Sequence[str], kills: int
) -> None:
    server = Server(tmp_path / "data")
    load(server, events)
    server.start()
    try:
        went = replayed_while_clients_go_on(server, names, kills)
    finally:
        server.stop()

    assert (went.seen.failed, went.seen.stale) == ([], [])
    assert went.seen.reads > 0
    assert {one["answering"] for one in went.replayed} == {2}
    assert {one["outcome"] for one in went.verified} == {"equal"}
    assert went.answers_equal
