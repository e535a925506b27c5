"""Reading as of a moment that is past, over HTTP."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import AccountFollowed
from domain.ids import millis_of, rfc3339
from infra.generations import Reached
from infra.sqlite.follower_graph import SqliteFollowerGraph
from tests import facts
from tests.asgi import ask
from tests.read_world import ADMIN, ReadWorld

NOON = "2026-01-31T12:00:00.000Z"
MOMENT = Reached(NOON, 1_769_860_800_000, {"log/0": 7})
LATER = Reached("log/0:9", 1_769_860_900_000, {"log/0": 9})
OF_ACCOUNTS = ("account_directory", "author_timelines", "follower_graph")


def build(world: ReadWorld, *projections: str, moment: Reached = MOMENT) -> None:
    """The views are what they are now, which is told from the live ones by who opened them."""
    for name in projections:
        world.moments.build(name, moment, getattr(world.views, name))


async def test_a_page_is_made_of_the_stores_of_the_moment(world: ReadWorld) -> None:
    build(world, *OF_ACCOUNTS, "trends")
    ada = facts.account("ada")

    found = await world.ask(f"/v1/accounts/{ada}", who=ADMIN, as_of="2026-01-31T13:00:00+01:00")

    assert found.status == 200
    assert found.headers["as-of"] == NOON
    assert found.headers["vary"] == "As-Of"
    assert found.json()["handle"] == "ada"
    assert sorted(world.moments.opened) == sorted(OF_ACCOUNTS)


async def test_an_account_is_as_of_the_moment_though_it_is_kept_as_it_is_now(
    world: ReadWorld, tmp_path: Path
) -> None:
    await world.given_relation(AccountFollowed, "bob", "ada")
    target = f"/v1/accounts/{facts.account('ada')}"
    now = await world.read(target, who=ADMIN)

    build(world, *OF_ACCOUNTS[:2])
    with closing(SqliteFollowerGraph(tmp_path / "then.db")) as graph:
        world.moments.build("follower_graph", MOMENT, graph)
        then = await world.read(target, who=ADMIN, as_of=NOON)

    assert (now["counts"]["followers"], then["counts"]["followers"]) == (1, 0)
    assert await world.read(target, who=ADMIN) == now


async def test_stores_are_opened_once(world: ReadWorld) -> None:
    build(world, "trends")

    for _ in range(3):
        assert (await world.ask("/v1/trends", who=ADMIN, as_of=NOON)).status == 200

    assert world.moments.opened == ["trends"]


async def test_the_clock_stands_still(world: ReadWorld) -> None:
    tweet = facts.tweet("ada", "#news")
    await world.given(tweet)
    at_ms = millis_of(tweet.event_id) + 1_000
    world.now_ms = at_ms + 90 * 86_400_000
    build(world, "trends", moment=Reached(rfc3339(at_ms), at_ms, {"log/0": 9}))

    now = await world.read("/v1/trends", who=ADMIN)
    then = await world.read("/v1/trends", who=ADMIN, as_of=rfc3339(at_ms))

    assert now["items"] == []
    assert [item["tag"] for item in then["items"]] == ["news"]


async def test_it_waits_for_nothing_that_was_done_since(world: ReadWorld) -> None:
    build(world, "trends")
    world.applied.held_back = True

    assert (await world.ask("/v1/trends", who=ADMIN, as_of=NOON)).status == 200


async def test_head_is_answered_too(world: ReadWorld) -> None:
    build(world, "trends")
    headers = (("authorization", f"Bearer {ADMIN}"), ("as-of", NOON))

    found = await ask(world.app, "HEAD", "/v1/trends", headers=headers)

    assert (found.status, found.body, found.headers["as-of"]) == (200, b"", NOON)


async def test_every_view_that_is_missing_is_named(world: ReadWorld) -> None:
    build(world, *OF_ACCOUNTS)

    found = await world.ask("/v1/timelines/home", who=ADMIN, as_of=NOON)

    assert found.status == 404
    assert "home_timelines, post_cards;" in found.json()["detail"]
    assert not set(OF_ACCOUNTS) & set(found.json()["detail"].split(", "))


async def test_what_is_being_built_is_a_conflict(world: ReadWorld) -> None:
    world.moments.build("trends", MOMENT, world.views.trends, whole=False)

    found = await world.ask("/v1/trends", who=ADMIN, as_of=NOON)

    assert found.status == 409
    assert "trends" in found.json()["detail"]
    assert world.moments.opened == []


async def test_generations_of_a_number_must_be_of_one_moment(world: ReadWorld) -> None:
    build(world, *OF_ACCOUNTS[:2])
    build(world, OF_ACCOUNTS[2], moment=LATER)
    one = f"/v1/accounts/{facts.account('ada')}"

    found = await world.ask(one, who=ADMIN, as_of="2")

    assert found.status == 409
    assert "follower_graph as of log/0:9" in found.json()["detail"]
    build(world, *OF_ACCOUNTS[:2], moment=LATER)
    build(world, OF_ACCOUNTS[2])
    assert (await world.ask(one, who=ADMIN, as_of="log/0:9")).status == 200
    assert (await world.ask(one, who=ADMIN, as_of=NOON)).status == 200


async def test_what_is_dropped_is_closed_and_gone(world: ReadWorld) -> None:
    build(world, "trends")
    await world.ask("/v1/trends", who=ADMIN, as_of=NOON)

    world.moments.stores.clear()

    assert (await world.ask("/v1/trends", who=ADMIN, as_of=NOON)).status == 404
    assert world.moments.closed == [world.views.trends]
    build(world, "trends")
    assert (await world.ask("/v1/trends", who=ADMIN, as_of=NOON)).status == 200
    assert world.moments.opened == ["trends", "trends"]


async def test_what_is_dropped_while_it_is_read_is_said_to_be_gone(world: ReadWorld) -> None:
    class Dropped:
        async def top(self, at_ms: int, limit: int) -> None:
            world.moments.stores.clear()
            raise RuntimeError("There is no such table")

    world.moments.build("trends", MOMENT, Dropped())

    found = await world.ask("/v1/trends", who=ADMIN, as_of=NOON)

    assert found.status == 404
    assert "trends" in found.json()["detail"]


async def test_only_administrators_may_ask(world: ReadWorld) -> None:
    build(world, "trends")

    assert (await world.ask("/v1/trends", as_of=NOON)).status == 401
    assert (await world.ask("/v1/trends", who="ada", as_of=NOON)).status == 403
    assert world.moments.opened == []


@pytest.mark.parametrize(
    "path", ["/v1/admin/projections", "/v1/stream", "/v1/timelines/home/why?post_id=1"]
)
async def test_what_shows_no_view_is_not_as_of_anything(world: ReadWorld, path: str) -> None:
    assert (await world.ask(path, who=ADMIN, as_of=NOON)).status == 400


@given(text=st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60))
@settings(max_examples=40)
async def test_whatever_is_sent_is_answered_with_a_problem(world: ReadWorld, text: str) -> None:
    found = await world.ask("/v1/trends", who=ADMIN, as_of=text)

    assert found.status in {400, 404}
    assert found.headers["content-type"] == "application/problem+json"


async def test_administrators_are_told_what_there_is(world: ReadWorld) -> None:
    build(world, "trends")
    world.moments.build("trends", LATER, world.views.trends, whole=False)

    page = await world.read("/v1/admin/projections", who=ADMIN)

    views = {item["name"]: item["side_views"] for item in page["items"]}
    assert [(v["generation"], v["as_of"], v["whole"]) for v in views["trends"]] == [
        (2, NOON, True),
        (3, "log/0:9", False),
    ]
    assert views["trends"][0]["vector"] == {"log/0": 7}
    assert views["post_cards"] == []
