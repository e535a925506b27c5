"""Replay on the engines, beside a server and workers: nobody notices, the answers are the same."""

import asyncio
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from infra.engines import engines_of
from infra.profiles.clients import Clients
from infra.settings import Settings
from streams.registry import BY_NAME
from tests.blackbox.client import new_word
from tests.blackbox.server import PROGRAM
from tests.blackbox.town import Town, clients
from tests.cluster.local import LocalCluster
from tests.cluster.replayed_place import COMMAND_S, Place, told_by
from tests.cluster.serving import on_engines, server_on
from tests.programs import line_with

KILLS: Final = 20
# Within it a replay opens the engines, makes tables and fills them.
KILLED_AFTER_S: Final = 12.0
# Of Cassandra and Elasticsearch; one of PostgreSQL's is pruned where it is replayed anyway.
PRUNED: Final = ("author_timelines", "search_index")


@pytest.fixture(scope="module")
def place(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        on_engines(cluster, tmp_path_factory.mktemp("replay")) as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        town = Town(http, posts=20)
        town.wait_until_shown()
        yield Place(server, town)


@pytest.fixture(autouse=True)
def signed_in(place: Place) -> None:
    """All tests together may take longer than an access token is good for."""
    place.town.sign_in()


@pytest.mark.parametrize("name", ["post_cards", "home_timelines"])
def test_a_projection_is_built_anew_while_clients_post_and_read(place: Place, name: str) -> None:
    before = place.town.answers()

    with clients(place.http, place.town) as seen:
        replayed = place.told("replay", name)
        assert place.answers_with(name, 2)
        rolled_back = place.told("rollback", name)
        assert place.answers_with(name, 1)

    assert (seen.failed, seen.stale) == ([], [])
    assert seen.posted
    assert (replayed["built"], replayed["answering"]) == (2, 2)
    assert rolled_back["generation"] == 1
    for post_id in seen.posted:
        place.town.bob.delete(f"/v1/tweets/{post_id}")
    assert place.town.answers() == before


def test_pruning_leaves_nothing_of_the_generation_before(
    place: Place, cluster: LocalCluster
) -> None:
    word = new_word()
    for name in PRUNED:
        place.told("replay", name)
    before = place.town.answers()

    for name in PRUNED:
        assert place.told("projections", "prune", name)["dropped"] == [1]

    place.town.ada.tweet(f"after the pruning {word}")
    assert len(place.town.cleo.items("/v1/search/posts", q=word)) == 1
    assert before[-1] != place.town.answers()[-1]
    assert asyncio.run(left_of(place, cluster, *PRUNED)) == {name: [] for name in PRUNED}


async def left_of(place: Place, cluster: LocalCluster, *pruned: str) -> dict[str, list[str]]:
    """What the engines have of the first generations of these."""
    names = place.names()
    settings = Settings(cluster_port=str(cluster.base_port))
    async with AsyncExitStack() as opened:
        of_engines = Clients(engines_of(settings), names, opened)
        cassandra, postgresql = await of_engines.cassandra(), await of_engines.postgresql()
        tables = await cassandra.execute(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", (names.shared,)
        )
        schemas = await postgresql.rows("SELECT nspname FROM pg_namespace")
        async with httpx.AsyncClient(base_url=of_engines.engines.elasticsearch) as http:
            indexes = (await http.get("/_cat/indices?format=json")).json()
        everything = {
            "author_timelines": [row.table_name for row in tables],
            "trends": [row[0] for row in schemas],
            "search_index": [one["index"] for one in indexes],
        }
    return {
        name: [one for one in everything[name] if one.startswith(names.of(BY_NAME[name], 1))]
        for name in pruned
    }


def test_a_replay_that_does_not_swap_is_followed_swapped_later_and_leaves_nothing_when_pruned(
    place: Place, cluster: LocalCluster
) -> None:
    told = place.told("replay", "trends", "--no-swap")
    assert (told["built"], told["answering"]) == (2, 1)
    place.town.ada.tweet("#replayed between")

    told = place.told("replay", "trends", "--processes", "2")

    assert (told["built"], told["answering"]) == (2, 2)
    assert place.told("projections", "prune", "trends")["dropped"] == [1]
    assert asyncio.run(left_of(place, cluster, "trends")) == {"trends": []}


def test_a_replay_in_several_processes_is_paused_killed_resumed_and_cancelled(
    place: Place,
) -> None:
    """Another terminal tells it; what it was told outlives it."""
    name, before = "notifications", place.town.answers()

    with place.server.begun("replay", name, "--processes", "2", "--throttle", "0.5"):
        building = place.once(name, lambda replay: replay.running and replay.done)
        paused = place.told("projections", "pause", name)
    place.told("projections", "throttle", name, "1")
    with place.server.begun("replay", name, "--processes", "2") as again:
        assert again.stderr is not None
        # Before it may stand that an engine is waited for.
        waits = line_with(again.stderr, f"{name}: ")
        waiting = place.once(name, lambda replay: replay.running)
        place.told("projections", "resume", name)
        goes_on = place.once(name, lambda replay: replay.done > waiting.done)
        place.told("projections", "cancel", name)
        _, told = again.communicate(timeout=COMMAND_S)

    assert (building.state, building.per_s_max) == ("building", 0.5)
    assert (paused["generation"], paused["state"]) == (2, "paused")
    assert f"{name}: paused" in waits
    assert (waiting.state, waiting.per_s_max) == ("paused", 1.0)
    assert goes_on.state == "building"
    assert (again.returncode, f"{name}: cancelled" in told) == (3, True)
    assert place.replay(name) is None
    assert place.answering(name) == 1
    assert place.town.answers() == before


def test_views_are_built_before_anybody_serves_or_follows_the_log(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    server = server_on(cluster, tmp_path)

    assert {told_by(server, "replay", name)["answering"] for name in PRUNED} == {2}


def test_a_generation_is_proven_before_it_answers(place: Place) -> None:
    told = place.told("replay", "conversations", "--verify")

    assert (told["built"], told["answering"], told["verified"]) == (2, 2, True)


def test_a_part_of_the_log_is_applied_again_while_workers_follow_it(place: Place) -> None:
    before, ada = place.town.answers(), place.town.ada
    part = ("replay", "post_cards", "--account", ada.handle)

    plan, done = place.told(*part, "--dry-run"), place.told(*part)

    assert (plan["different"], plan["error"], done["failed"]) == (0, None, [])
    assert done["applied"] == plan["events"] > 20
    assert place.town.answers() == before


def test_what_cannot_be_done_is_said(place: Place) -> None:
    for arguments, reason in (
        (("replay", "nonsense"), "no projection nonsense"),
        (("rollback", "moderation"), "No earlier generation"),
    ):
        ended = place.server.command(*arguments)

        assert ended.returncode == 1
        assert reason in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.torture
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_projection_is_built_anew_however_often_its_replay_is_killed(
    place: Place, name: str
) -> None:
    before, chance = place.town.answers(), random.Random(name)
    pause = threading.Event()

    with clients(place.http, place.town) as seen:
        for _ in range(KILLS):
            killed = subprocess.Popen(
                [PROGRAM, "replay", name, "--no-swap", "--throttle", "20"],
                env=place.server.environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            pause.wait(chance.uniform(0, KILLED_AFTER_S))
            killed.kill()
            killed.wait()
        # One that was begun keeps its pace, which leaves time to kill it.
        replayed = place.told("replay", name, "--throttle", "0")
        verified = place.told("verify", name)

    assert replayed["built"] == replayed["answering"] == place.answering(name)
    assert verified["outcome"] == "equal"
    assert (seen.failed, seen.stale) == ([], [])
    for post_id in seen.posted:
        place.town.bob.delete(f"/v1/tweets/{post_id}")
    assert place.town.answers() == before
