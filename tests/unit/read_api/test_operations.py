"""How the projections are doing, and what they could not apply."""

import pytest

from domain.ids import millis_of
from read_api.ports import WorkStatus
from streams.dead_letters import Build, Parked
from streams.process import this_process
from tests import facts
from tests.read_world import ADMIN, Json, ReadWorld, link_of

PLACES = [("post_cards", 0, 4), ("post_cards", 0, 9), ("trends", 0, 4)]
KEYS = ("ada", "bob", "ada")


async def given_letters(world: ReadWorld) -> None:
    for (projection, partition, position), name in zip(PLACES, KEYS, strict=True):
        build, key = Build(projection, 1, 1), facts.account(name)
        letter = Parked(build, partition, position, key, "ValueError: odd")
        await world.dead_letters.park([letter])


async def status_of(world: ReadWorld, name: str) -> Json:
    page = await world.read("/v1/admin/projections", who=ADMIN)
    (only,) = [item for item in page["items"] if item["name"] == name]
    found: Json = only
    return found


async def test_every_projection_says_how_far_it_is(world: ReadWorld) -> None:
    page = await world.read("/v1/admin/projections", who=ADMIN)

    head = len(world.log.recorded)
    assert len(page["items"]) == 11
    for item in page["items"]:
        assert (item["position"], item["head"], item["lag_events"]) == (head, head, 0)
        assert (item["lag_seconds"], item["stalled_by"]) == (0, None)
        assert (item["generation"], item["dead_letters"]) == (1, 0)


async def test_lag_is_since_the_oldest_event_that_is_not_applied(world: ReadWorld) -> None:
    events = [facts.tweet("ada"), facts.tweet("ada")]
    world.feed.committed(world.log.record(*events))
    world.progress.stall("trends", OSError("disk full"))
    world.now_ms = millis_of(events[0].event_id) + 2_500

    status = await status_of(world, "trends")

    assert (status["lag_events"], status["lag_seconds"]) == (2, 2.5)
    assert status["stalled_by"] == "disk full"
    (partition,) = status["partitions"]
    assert partition["name"] == "log/0"
    assert partition["head"] - partition["position"] == 2
    assert partition["owner"] == this_process()


async def test_the_newest_work_on_a_projection_is_told(world: ReadWorld) -> None:
    world.works.noted["trends"] = WorkStatus("verify", "different", "trends: DIFFERENT")

    assert (await status_of(world, "trends"))["work"] == {
        "work": "verify",
        "state": "different",
        "told": "trends: DIFFERENT",
    }
    assert (await status_of(world, "post_cards"))["work"] is None


async def test_dead_letters_are_counted_and_listed_by_projection(world: ReadWorld) -> None:
    await given_letters(world)

    page = await world.read("/v1/admin/dead-letters?projection=trends", who=ADMIN)

    assert (await status_of(world, "post_cards"))["dead_letters"] == 2
    assert page["items"] == [
        {
            "projection": "trends",
            "version": 1,
            "generation": 1,
            "partition": 0,
            "position": 4,
            "key": str(facts.account("ada")),
            "error": "ValueError: odd",
            "requested": None,
        }
    ]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_dead_letters_lead_through_their_links(world: ReadWorld, limit: int) -> None:
    await given_letters(world)

    pages = await world.walk(f"/v1/admin/dead-letters?limit={limit}", who=ADMIN)

    assert [
        (item["projection"], item["partition"], item["position"])
        for page in pages
        for item in page["items"]
    ] == PLACES


async def test_what_was_asked_for_is_shown_until_it_is_done(world: ReadWorld) -> None:
    await given_letters(world)
    await world.dead_letters.request(*PLACES[0], "retry")

    page = await world.read("/v1/admin/dead-letters", who=ADMIN)

    assert [item["requested"] for item in page["items"]] == ["retry", None, None]


async def test_a_foreign_cursor_is_refused(world: ReadWorld) -> None:
    await given_letters(world)
    first = await world.ask("/v1/admin/dead-letters?limit=1", who=ADMIN)
    cursor = (link_of(first, "next") or "").partition("cursor=")[2]

    assert (await world.ask(f"/v1/suggestions?cursor={cursor}", who=ADMIN)).status == 422
