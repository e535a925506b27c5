"""What others did that concerns the reader."""

import pytest

from domain.events import AccountBlocked, AccountFollowed, AccountMuted, NotificationsRead
from domain.ids import ItemId
from tests import facts
from tests.read_world import ReadWorld, ids_of, name_of


async def test_each_kind_says_who_did_what_and_when(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    answer, quote = facts.reply("bob", post), facts.tweet("cleo", quoting=post)
    mention = facts.tweet("dan", "hi @ada")
    await world.given(post, answer, quote, mention)
    await world.given(facts.liked("eve", post), facts.reposted("fay", post))
    await world.given_relation(AccountFollowed, "gus", "ada")

    page = await world.read("/v1/notifications", who="ada")

    told = [(item["kind"], name_of(item["actor_id"]), item["post_id"]) for item in page["items"]]
    assert told == [
        ("follow", "gus", None),
        ("repost", "fay", str(post.post_id)),
        ("like", "eve", str(post.post_id)),
        ("mention", "dan", str(mention.post_id)),
        ("quote", "cleo", str(quote.post_id)),
        ("reply", "bob", str(answer.post_id)),
    ]
    assert page["items"][-1]["id"] == str(answer.event_id)
    assert page["items"][-1]["created_at"].endswith("Z")
    assert not any(item["read"] for item in page["items"])
    assert set(ids_of(page["includes"], "posts")) == {
        post.post_id,
        answer.post_id,
        quote.post_id,
        mention.post_id,
    }
    assert len(page["includes"]["accounts"]) == 7


async def test_they_need_a_token(world: ReadWorld) -> None:
    assert (await world.ask("/v1/notifications")).status == 401
    assert (await world.ask("/v1/notifications/unread")).status == 401


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("hide", [AccountBlocked, AccountMuted])
async def test_pages_are_full_without_those_blocked_and_muted(
    world: ReadWorld, limit: int, hide: type[AccountBlocked] | type[AccountMuted]
) -> None:
    post = facts.tweet("ada")
    answers = [facts.reply(("bob", "cleo")[place % 2], post) for place in range(20)]
    await world.given(post, *answers)
    await world.given_relation(hide, "ada", "cleo")
    expected = [answer.event_id for answer in answers[::-1] if answer.actor_id != cleo()]

    down = await world.walk(f"/v1/notifications?limit={limit}", who="ada")
    up = await world.walk(f"/v1/notifications?limit={limit}&min_id=0", who="ada", rel="prev")

    assert [item_id for page in down for item_id in ids_of(page)] == expected
    assert [item_id for page in up[::-1] for item_id in ids_of(page)] == expected
    assert all(len(page["items"]) == limit for page in down[:-1])
    assert (await world.read("/v1/notifications/unread", who="ada")) == {"count": 10}


def cleo() -> int:
    return facts.account("cleo")


async def test_only_the_kinds_asked_for(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    await world.given(post, facts.liked("bob", post), facts.reply("bob", post))

    pages = await world.walk("/v1/notifications?kinds=like&kinds=follow", who="ada")

    assert [[item["kind"] for item in page["items"]] for page in pages] == [["like"]]
    assert (await world.ask("/v1/notifications?kinds=poke", who="ada")).status == 422


async def test_reading_up_to_one_marks_it_and_what_is_older(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    likes = [facts.liked(name, post) for name in ("bob", "cleo", "dan")]
    await world.given(post, *likes)
    await world.given(
        NotificationsRead(
            event_id=facts.event_id(),
            actor_id=facts.account("ada"),
            up_to_id=ItemId(likes[1].event_id),
        )
    )

    page = await world.read("/v1/notifications", who="ada")

    assert [item["read"] for item in page["items"]] == [False, True, True]
    assert await world.read("/v1/notifications/unread", who="ada") == {"count": 1}


async def test_what_is_about_a_deleted_post_is_gone(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    answer = facts.reply("bob", post)
    await world.given(post, answer, facts.deleted(answer))

    assert (await world.read("/v1/notifications", who="ada"))["items"] == []
