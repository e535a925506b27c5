"""Why a post is, or is not, in the reader's home."""

import pytest

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountSuspended,
    PostHidden,
    RelationshipFact,
)
from domain.ids import millis_of, rfc3339
from infra.sqlite.home_timelines import SqliteHomeTimelines
from tests import facts
from tests.read_world import Json, ReadWorld

ADMIN_ID = facts.account("hal")


async def why(world: ReadWorld, post_id: int, who: str = "ada") -> Json:
    found: Json = await world.read(f"/v1/timelines/home/why?post_id={post_id}", who=who)
    assert found["shown"] == (not found["absent_because"]) == bool(found["places"])
    return found


async def test_a_post_of_somebody_followed_is_pulled_and_then_pushed(world: ReadWorld) -> None:
    followed = world.log.relate(AccountFollowed, "ada", "bob")
    await world.take(followed)
    post = facts.tweet("bob")
    await world.given(post)
    away = await why(world, post.post_id)

    await world.read("/v1/timelines/home", who="ada")
    homes = world.views.home_timelines
    assert isinstance(homes, SqliteHomeTimelines)
    homes.wait_for_rebuilds()
    seen = await why(world, post.post_id)

    assert away["places"][0]["pulled_because"] == "away"
    assert seen == {
        "post_id": str(post.post_id),
        "author_id": str(facts.account("bob")),
        "shown": True,
        "followed_since": rfc3339(millis_of(followed[0].event.event_id)),
        "places": [
            {
                "item_id": str(post.post_id),
                "reposted_by_id": None,
                "because": "followed",
                "path": "pushed",
                "pulled_because": None,
            }
        ],
        "absent_because": [],
        "lag_events": 0,
        "lag_seconds": 0.0,
    }


async def test_what_one_posts_and_what_others_repost_is_there_too(world: ReadWorld) -> None:
    await world.given_relation(AccountFollowed, "ada", "cleo")
    mine, strange = facts.tweet("ada"), facts.tweet("dan")
    shared = facts.reposted("cleo", strange)
    await world.given(mine, strange, shared)

    own, theirs = await why(world, mine.post_id), await why(world, strange.post_id)

    assert [place["because"] for place in own["places"]] == ["own"]
    assert (theirs["followed_since"], theirs["places"][0]["because"]) == (None, "reposted")
    assert theirs["places"][0]["item_id"] == str(shared.event_id)
    assert theirs["places"][0]["reposted_by_id"] == str(facts.account("cleo"))


async def test_a_post_that_is_nobodys_whom_one_follows_is_not_there(world: ReadWorld) -> None:
    strange = facts.tweet("dan")
    await world.given(strange)

    assert (await why(world, strange.post_id))["absent_because"] == ["not_followed"]


async def test_a_reply_to_somebody_else_stands_in_no_home(world: ReadWorld) -> None:
    await world.given_relation(AccountFollowed, "ada", "bob")
    strange = facts.tweet("dan")
    answer = facts.reply("bob", strange)
    await world.given(strange, answer)

    assert (await why(world, answer.post_id))["absent_because"] == ["reply"]


async def test_a_mute_is_told_with_the_author(world: ReadWorld) -> None:
    await world.given_relation(AccountFollowed, "ada", "bob")
    await world.given_relation(AccountMuted, "ada", "bob")
    post = facts.tweet("bob")
    await world.given(post)

    found = await why(world, post.post_id)

    assert found["absent_because"] == ["muted"]
    assert found["author_id"] == str(facts.account("bob"))
    assert found["followed_since"] is not None


@pytest.mark.parametrize("pair", [("ada", "bob"), ("bob", "ada")])
async def test_a_block_is_told_without_the_author(world: ReadWorld, pair: tuple[str, str]) -> None:
    post = facts.tweet("bob")
    await world.given(post)
    fact: type[RelationshipFact] = AccountBlocked
    await world.given_relation(fact, *pair)

    found = await why(world, post.post_id)

    assert (found["absent_because"], found["author_id"]) == (["blocked"], None)


async def test_a_repost_by_somebody_muted_is_not_shown(world: ReadWorld) -> None:
    await world.given_relation(AccountFollowed, "ada", "cleo")
    await world.given_relation(AccountMuted, "ada", "cleo")
    strange = facts.tweet("dan")
    await world.given(strange, facts.reposted("cleo", strange))

    assert (await why(world, strange.post_id))["absent_because"] == ["not_followed"]


async def test_a_deleted_post_is_deleted(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    await world.given(post, facts.deleted(post))

    found = await why(world, post.post_id)

    assert (found["absent_because"], found["author_id"]) == (["deleted"], None)


async def test_what_moderators_took_away_is_unavailable(world: ReadWorld) -> None:
    hidden, suspended = facts.tweet("bob"), facts.tweet("cleo")
    await world.given(hidden, suspended)
    await world.given(
        PostHidden(
            event_id=facts.event_id(),
            actor_id=ADMIN_ID,
            post_id=hidden.post_id,
            post_author_id=hidden.actor_id,
            reason="spam",
        ),
        AccountSuspended(
            event_id=facts.event_id(),
            actor_id=ADMIN_ID,
            account_id=suspended.actor_id,
            reason="spam",
        ),
    )

    for post in (hidden, suspended):
        found = await why(world, post.post_id)
        assert (found["absent_because"], found["author_id"]) == (["unavailable"], None)


async def test_a_post_that_a_view_has_not_yet_is_not_projected(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    world.feed.committed(world.log.record(post))
    world.now_ms = millis_of(post.event_id) + 2_500

    found = await why(world, post.post_id)

    assert found["absent_because"] == ["not_projected"]
    assert (found["lag_events"], found["lag_seconds"]) == (1, 2.5)


async def test_a_post_that_is_not_there_is_not_found(world: ReadWorld) -> None:
    closed = facts.tweet("dan")
    await world.given(
        closed, AccountClosed(event_id=facts.event_id(), actor_id=facts.account("dan"))
    )
    world.feed.committed(world.log.record(facts.tweet("ada")))
    world.now_ms = millis_of(facts.event_id())

    for post_id in (facts.post_id_of(1), closed.post_id):
        target = f"/v1/timelines/home/why?post_id={post_id}"
        assert (await world.ask(target, who="ada")).status == 404


async def test_it_asks_for_a_post_and_a_reader(world: ReadWorld) -> None:
    assert (await world.ask("/v1/timelines/home/why?post_id=1")).status == 401
    assert (await world.ask("/v1/timelines/home/why", who="ada")).status == 422
    assert (await world.ask("/v1/timelines/home/why?post_id=x", who="ada")).status == 422
