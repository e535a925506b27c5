"""A replay that is told to pause, to go on, how fast, and to end: from another terminal and over
HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.blackbox.client import Api, Person, expect, problem
from tests.blackbox.server import Server, serving
from tests.blackbox.town import Town
from tests.embedded.killed import head_of, second_of, wait_beyond

# Each test starts the program a few times.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ADMIN = "/v1/admin/projections"
# Slow enough that none comes to its end by itself.
SLOW = 0.2
FASTER = 1.0
REASON = {"reason": "a test"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests, each of which replays a projection that no other does."""
    with serving(tmp_path_factory.mktemp("steered") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def town(server: Server) -> Iterator[Town]:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        yield Town(http)


@pytest.fixture(scope="module")
def admin(server: Server, town: Town) -> Iterator[Person]:
    del town
    with httpx.Client(base_url=server.url, timeout=30) as http:
        admin = Api(http).person("the_admin")
        assert server.command("admin", "grant", "the_admin").returncode == 0
        admin.sign_in()
        yield admin


def item(admin: Person, name: str) -> dict[str, Any]:
    (found,) = [one for one in admin.items(ADMIN) if one["name"] == name]
    return found


def once(admin: Person, name: str, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """How the projection is as soon as that holds."""
    pause = threading.Event()
    for _ in range(2_400):
        if holds(found := item(admin, name)):
            return found
        pause.wait(0.05)
    raise AssertionError(item(admin, name))


@contextmanager
def killed_in_the_middle(server: Server, name: str) -> Iterator[int]:
    """Within the context a replay runs, which is killed then; how far it is at its beginning."""
    with server.begun("replay", name, "--throttle", str(SLOW)):
        yield wait_beyond(second_of(server, name), 0)


def said(server: Server, *arguments: str) -> dict[str, Any]:
    told = server.command("projections", *arguments, "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    return dict(json.loads(told.stdout))


def test_a_replay_that_was_paused_and_killed_waits_until_it_is_to_go_on(
    server: Server, town: Town, admin: Person
) -> None:
    name, before = "home_timelines", town.answers()
    path = second_of(server, name)
    with killed_in_the_middle(server, name):
        paused = said(server, "pause", name)
        seen = once(admin, name, lambda one: one["replay"]["done"] > 0)["replay"]
    position = wait_beyond(path, 0)
    with server.begun("replay", name) as again:
        assert again.stderr is not None
        waits = again.stderr.readline()
        said(server, "throttle", name, "0")
        still = item(admin, name)["replay"]
        said(server, "resume", name)
        told, _ = again.communicate(timeout=120)

    assert (paused["generation"], paused["state"], paused["per_s_max"]) == (2, "paused", SLOW)
    assert (seen["state"], seen["events_per_second_max"]) == ("paused", SLOW)
    assert waits.startswith(f"{name}: paused; `starling projections resume {name}` goes on (")
    assert f"({position:,} of " in waits
    assert (still["state"], still["events_per_second_max"]) == ("paused", None)
    assert (again.returncode, "generation 2 built from" in told) == (0, True)
    assert item(admin, name)["generation"] == 2
    assert town.answers() == before


def test_a_flag_goes_on_with_one_that_was_paused(server: Server, town: Town) -> None:
    del town
    with killed_in_the_middle(server, "trends"):
        said(server, "pause", "trends")

    again = server.command("replay", "trends", "--resume", "--throttle", "0", "--json")

    assert json.loads(again.stdout.splitlines()[-1])["answering"] == 2


def test_a_cancelled_replay_leaves_nothing_and_the_view_that_answers(
    server: Server, town: Town, admin: Person
) -> None:
    name, before = "post_cards", town.answers()
    path = second_of(server, name)
    with server.begun("replay", name, "--throttle", str(SLOW)) as cancelled:
        wait_beyond(path, 0)
        dropped = said(server, "cancel", name)
        _, told = cancelled.communicate(timeout=120)

    assert dropped["generation"] == 2
    assert (cancelled.returncode, f"{name}: cancelled" in told) == (3, True)
    assert not path.exists()
    assert (item(admin, name)["generation"], item(admin, name)["replay"]) == (1, None)
    assert town.answers() == before
    done = server.command("replay", name, "--json")
    assert json.loads(done.stdout.splitlines()[-1])["events"] == head_of(server.folder)


def test_a_replay_is_steered_over_http(admin: Person) -> None:
    name = "conversations"

    def ask(what: str, **more: float) -> httpx.Response:
        return admin.post(f"{ADMIN}/{name}/{what}", json={**REASON, **more})

    for what in ("pause", "resume", "cancel", "throttle"):
        problem(ask(what), 409, "conflict")
        problem(admin.post(f"{ADMIN}/nonsense/{what}", json=REASON), 404, "not-found")
    problem(ask("throttle", events_per_second=0), 422, "invalid")

    expect(ask("replay", events_per_second=SLOW), 202)
    once(admin, name, lambda one: one["replay"] and one["replay"]["running"])
    expect(ask("throttle", events_per_second=FASTER), 202)
    expect(ask("pause"), 202)
    paused = once(admin, name, lambda one: one["replay"]["done"] > 0)
    problem(ask("swap"), 409, "conflict")
    expect(ask("resume"), 202)
    done = paused["replay"]["done"]
    goes_on = once(
        admin,
        name,
        lambda one: one["replay"]["done"] > done and one["replay"]["state"] == "building",
    )
    expect(ask("cancel"), 202)
    # What was built is dropped once the process has ended.
    cancelled = once(
        admin,
        name,
        lambda one: one["work"]["state"] == "cancelled" and one["replay"] is None,
    )

    assert paused["replay"]["state"] == "paused"
    assert paused["replay"]["events_per_second_max"] == FASTER
    assert goes_on["generation"] == cancelled["generation"] == 1


def test_one_that_nobody_goes_on_with_is_begun_again_over_http(
    server: Server, town: Town, admin: Person
) -> None:
    del town
    name = "account_directory"
    with killed_in_the_middle(server, name):
        pass
    # At once: it is the system that knows who died.
    killed = item(admin, name)["replay"]
    said(server, "throttle", name, "0")

    expect(admin.post(f"{ADMIN}/{name}/resume", json=REASON), 202)

    done = once(admin, name, lambda one: one["work"] and one["work"]["state"] == "done")
    assert (killed["state"], killed["running"]) == ("stopped", False)
    assert "generation 2 built" in done["work"]["told"]
    assert done["replay"] is None


def test_whoever_steers_is_in_the_audit_log(admin: Person) -> None:
    acted = {one["action"] for one in admin.items("/v1/admin/audit")}

    assert {f"{what}_replay" for what in ("pause", "resume", "throttle", "cancel")} <= acted
