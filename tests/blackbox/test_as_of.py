"""Reading as of a moment that is past: views are built as of it, and administrators read them."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import pytest

from domain.ids import millis_of, rfc3339
from tests.blackbox.client import Json, Person, expect, ids, new_word, problem
from tests.blackbox.server import Server

pytestmark = pytest.mark.slow

OF_A_HOME: Final = frozenset(
    {
        "post_cards",
        "author_timelines",
        "home_timelines",
        "follower_graph",
        "account_directory",
    }
)
# The newest generation of this one is known by its number, and pruned in the end.
ANALYTICS: Final = "engagement"
BUILDING_S: Final = 300.0


class Past(NamedTuple):
    """A moment after which everything changed: ada's posts of before it, one of which was edited
    and one deleted since, what eve wrote then, and who followed ada. `built` is the number of one
    generation."""

    moment: str
    built: int
    edited: Json
    deleted: Json
    later: Json
    eve: Person
    of_eve: Json
    reader: Person

    def get(self, path: str, as_of: str | None = None) -> Any:
        return self.reader.get(path, headers={"As-Of": as_of or self.moment})


def told(server: Server, *arguments: str) -> Any:
    """What the command line says as its last line, having succeeded."""
    ended = server.command(*arguments, "--json", timeout_s=BUILDING_S)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def past(server: Server, the_admin: Person, profile: str) -> Past:
    reader = Person(the_admin.api, the_admin.id, the_admin.handle)
    reader.sign_in()
    ada, eve = reader.api.person(), reader.api.person()
    reader.relate("follow", ada)
    of_eve = eve.tweet("of eve")
    edited, deleted = ada.tweet("as it was written"), ada.tweet("soon to be gone")
    moment = rfc3339(millis_of(int(deleted["id"])))
    changed = {"text": "as it was edited"}
    match = {"If-Match": '"1"'}
    expect(ada.patch(f"/v1/tweets/{edited['id']}", json=changed, headers=match), 200)
    expect(ada.delete(f"/v1/tweets/{deleted['id']}"), 204)
    later = ada.tweet("written later")

    def build(which: str) -> str:
        return str(told(server, "replay", which, "--to", moment)["as_of"])

    # On the engines each is a program that connects to all of them.
    with ThreadPoolExecutor() as building:
        built = building.map(build, OF_A_HOME if profile == "cluster" else ["--all"])
        assert set(built) == {moment}
    replayed = told(server, "replay", ANALYTICS, "--to", moment)
    # Building takes a while, and an access token is good for a quarter of an hour.
    reader.sign_in()
    return Past(moment, replayed["built"], edited, deleted, later, eve, of_eve, reader)


def test_a_home_is_as_it_was(past: Past) -> None:
    then = expect(past.get("/v1/timelines/home"), 200)

    assert then.headers["As-Of"] == past.moment
    assert "As-Of" in then.headers["Vary"]
    shown = {item["id"]: item["text"] for item in then.json()["items"]}
    assert shown[past.deleted["id"]] == "soon to be gone"
    assert shown[past.edited["id"]] == "as it was written"
    assert past.later["id"] not in shown
    assert {one["handle"] for one in then.json()["includes"]["accounts"]}
    now = past.reader.items("/v1/timelines/home")
    assert ids(now)[:2] == [past.later["id"], past.edited["id"]]
    assert now[1]["text"] == "as it was edited"


def test_single_posts_are_as_they_were(past: Past) -> None:
    assert past.get(f"/v1/posts/{past.deleted['id']}").json()["text"] == "soon to be gone"
    assert past.get(f"/v1/posts/{past.edited['id']}").json()["version"] == 1
    missing = past.get(f"/v1/posts/{past.later['id']}")
    problem(missing, 404, "post-not-found")
    assert missing.headers["As-Of"] == past.moment
    problem(past.reader.get(f"/v1/posts/{past.deleted['id']}"), 404, "post-not-found")


def test_a_time_may_be_written_in_any_way(past: Past) -> None:
    elsewhere = past.moment.replace("Z", "+00:00")

    assert expect(past.get("/v1/timelines/home", elsewhere), 200).headers["As-Of"] == past.moment


def test_what_was_never_built_is_named(past: Past) -> None:
    told = problem(past.get("/v1/timelines/home", "2019-01-01T00:00:00Z"), 404, "not-found")
    assert all(name in told["detail"] for name in OF_A_HOME)
    assert ANALYTICS not in told["detail"]
    problem(past.get("/v1/timelines/home", "999999"), 404, "not-found")


def test_a_generation_is_also_known_by_its_number(past: Past) -> None:
    found = expect(past.get("/v1/analytics/tags/news", str(past.built)), 200)

    assert found.headers["As-Of"] == past.moment


def test_only_administrators_read_the_past(past: Past, ada: Person) -> None:
    header = {"As-Of": past.moment}

    problem(ada.get("/v1/timelines/home", headers=header), 403, "not-allowed")
    problem(ada.api.get("/v1/timelines/public", headers=header), 401, "not-signed-in")


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01T00:00:00Z", "log/0", "-1", '{"a":[', ""])
def test_what_is_no_moment_is_refused(past: Past, bad: str) -> None:
    header = {"As-Of": bad}
    problem(past.reader.get("/v1/timelines/home", headers=header), 400, "malformed")


def test_the_past_is_not_written(past: Past) -> None:
    header, text = {"As-Of": past.moment}, f"never posted {new_word()}"

    answer = past.reader.post("/v1/tweets", json={"text": text}, headers=header)

    problem(answer, 400, "malformed")
    for path in ("/v1/admin/projections", "/livez"):
        problem(past.get(path), 400, "malformed")
    mine = past.reader.items(f"/v1/accounts/{past.reader.id}/posts")
    assert text not in [item["text"] for item in mine]


def test_who_looks_at_projections_is_told(past: Past, server: Server) -> None:
    for found in (past.reader.items("/v1/admin/projections"), told(server, "projections")):
        beside = {one["name"]: one["side_views"] for one in found}
        for name in OF_A_HOME:
            (view,) = [one for one in beside[name] if one["as_of"] == past.moment]
            assert (view["at"], view["whole"]) == (past.moment, True)
            assert sum(view["vector"].values()) > 0


@pytest.mark.embedded
def test_what_was_built_is_there_when_it_is_asked_for_again(past: Past, server: Server) -> None:
    again = told(server, "replay", ANALYTICS, "--to", past.moment)
    planned = told(server, "replay", ANALYTICS, "--to", past.moment, "--dry-run")

    assert (again["built"], again["events"]) == (past.built, 0)
    assert planned["would_build"] == past.built
    assert planned["done"] == planned["events"] > 0


@pytest.mark.embedded
def test_a_moment_that_is_to_come_cannot_be_built(server: Server, past: Past) -> None:
    del past
    ended = server.command("replay", "trends", "--to", "2999-01-01T00:00:00Z")

    assert ended.returncode == 1
    assert "still to come" in ended.stderr


def test_who_is_erased_is_not_in_the_past_either(past: Past, server: Server) -> None:
    """Asked as administrators ask, whom nothing is hidden from."""
    fares = f"/v1/analytics/posts/{past.of_eve['id']}"
    expect(past.get(fares), 200)

    told(server, "erase", past.eve.id, "--yes")

    problem(past.get(fares), 404, "post-not-found")


def test_what_is_pruned_is_gone_and_the_rest_is_there(past: Past, server: Server) -> None:
    tags = "/v1/analytics/tags/news"
    assert past.get(tags).headers["As-Of"] == past.moment

    assert past.built in told(server, "projections", "prune", ANALYTICS)["dropped"]

    assert ANALYTICS in problem(past.get(tags), 404, "not-found")["detail"]
    expect(past.reader.get(tags), 200)
    expect(past.get("/v1/timelines/home"), 200)
