"""A replay as of a moment that is past is told what to do like any other, by whoever looks on."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest

from domain.ids import millis_of, rfc3339
from tests.blackbox.client import Person, expect, problem
from tests.blackbox.server import Server

pytestmark = pytest.mark.slow

ADMIN: Final = "/v1/admin/projections"
NAME: Final = "notifications"
# Slow enough that none comes to its end by itself.
SLOW, FASTER = 0.5, 1.0
LOOKS_MAX: Final = 2_400
COMMAND_S: Final = 240.0
REASON: Final = {"reason": "a test"}
View = dict[str, Any]


class Past(NamedTuple):
    """A moment of a server, as an administrator sees it."""

    server: Server
    admin: Person
    moment: str

    def item(self) -> View:
        (found,) = [one for one in self.admin.items(ADMIN) if one["name"] == NAME]
        return found

    def view(self) -> View | None:
        """The projection as of the moment, if there is one."""
        found = [one for one in self.item()["side_views"] if one["as_of"] == self.moment]
        return found[0] if found else None

    def replay(self) -> View | None:
        """How far that is, while it is not whole."""
        view = self.view()
        return None if view is None else view["replay"]

    def ask(self, what: str, **more: object) -> None:
        expect(self.admin.post(f"{ADMIN}/{NAME}/{what}", json={**REASON, **more}), 202)

    def is_pruned(self, item: View) -> bool:
        """Whether what does not answer could be dropped: not while something is under way."""
        if not at_rest(item):
            return False
        answer = self.admin.post(f"{ADMIN}/{NAME}/prune", json=REASON)
        assert answer.status_code in {202, 409}, answer.text
        return answer.status_code == 202

    def told(self, *arguments: str) -> Any:
        """What the command line says, having succeeded."""
        ended = self.server.command("projections", *arguments, "--json", timeout_s=COMMAND_S)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])


def once(look: Callable[[], View | None], holds: Callable[[View], object]) -> View:
    """What is seen as soon as that holds."""
    pause = threading.Event()
    for _ in range(LOOKS_MAX):
        found = look()
        if found is not None and holds(found):
            return found
        pause.wait(0.05)
    raise AssertionError(look())


def at_rest(item: View) -> bool:
    """Whether nothing that the server was asked for is under way."""
    return not item["work"] or item["work"]["state"] != "running"


def gone(look: Callable[[], View | None]) -> bool:
    """Return once nothing is seen."""
    pause = threading.Event()
    for _ in range(LOOKS_MAX):
        if look() is None:
            return True
        pause.wait(0.05)
    return False


@pytest.fixture
def past(server: Server, admin: Person, ada: Person, bob: Person) -> Iterator[Past]:
    bob.react("like", ada.tweet("seen"))
    there = Past(server, admin, rfc3339(millis_of(int(ada.tweet("the last")["id"]))))
    yield there
    # So that the next test builds its own.
    there.admin.sign_in()
    once(there.item, there.is_pruned)
    assert gone(there.view)
    once(there.item, at_rest)


def test_it_is_paused_killed_resumed_and_hurried(past: Past, profile: str) -> None:
    several = ("--processes", "2") if profile == "cluster" else ()
    how = ("--to", past.moment, "--throttle", str(SLOW), *several)
    with past.server.begun("replay", NAME, *how):
        going = once(past.replay, lambda one: one["running"] and one["done"])
        number = going["generation"]
        paused = past.told("pause", NAME, "--generation", str(number))
        stands = once(past.replay, lambda one: one["state"] == "paused")
    killed = once(past.replay, lambda one: not one["running"])

    past.ask("throttle", generation=number)
    past.ask("resume", generation=number)
    whole = once(past.view, lambda one: one["whole"])

    assert (going["state"], going["events_per_second_max"]) == ("building", SLOW)
    named = (paused["state"], paused["as_of"], paused["generation"])
    assert named == ("paused", past.moment, number)
    assert stands["total"] > stands["done"] > 0
    assert killed["state"] == "paused"
    assert (whole["generation"], whole["replay"]) == (number, None)


def test_it_is_begun_throttled_and_cancelled_over_http(past: Past) -> None:
    path = f"{ADMIN}/{NAME}"
    problem(past.admin.post(f"{path}/replay", json={"as_of": "yesterday"}), 422, "invalid")

    past.ask("replay", as_of=past.moment, events_per_second=SLOW)
    begun = once(past.replay, lambda one: one["running"] and one["done"])
    past.ask("throttle", events_per_second=FASTER)
    told = once(past.replay, lambda one: one["events_per_second_max"] == FASTER)
    problem(past.admin.post(f"{path}/cancel", json={"generation": 9_999}), 409, "conflict")
    past.ask("cancel", generation=begun["generation"])

    assert gone(past.view)
    assert begun["events_per_second_max"] == SLOW
    assert told["generation"] == begun["generation"]
    assert past.item()["replay"] is None


@pytest.mark.embedded
def test_of_two_that_are_built_it_is_said_which_is_meant(past: Past) -> None:
    def coming() -> View | None:
        found: View | None = past.item()["replay"]
        return found

    slow = ("--throttle", str(SLOW))
    with past.server.begun("replay", NAME, *slow):
        once(coming, lambda one: one["running"])
    with past.server.begun("replay", NAME, "--to", past.moment, *slow):
        number = once(past.replay, lambda one: one["running"])["generation"]

    unsaid = past.server.command("projections", "pause", NAME)
    said = past.told("cancel", NAME, "--generation", str(number))

    assert unsaid.returncode == 1
    assert "are being built: say which" in unsaid.stderr
    assert said["as_of"] == past.moment
    assert past.view() is None
    # Nothing has told it to stop: who built it was killed.
    assert past.item()["replay"]["state"] == "stopped"
    past.ask("cancel")
    assert gone(coming)
