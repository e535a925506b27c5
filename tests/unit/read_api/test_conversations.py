"""The conversation around a post."""

import pytest

from domain.events import AccountBlocked, AccountClosed, ReplyPosted, TweetPosted
from read_api.conversations import ANCESTORS_MAX
from tests import facts
from tests.read_world import ReadWorld, ids_of, link_of


def chain(depth: int) -> list[TweetPosted | ReplyPosted]:
    """A tweet, an answer to it, an answer to that ..., by everybody in turn."""
    posts: list[TweetPosted | ReplyPosted] = [facts.tweet("ada", "root")]
    for number in range(depth):
        posts.append(facts.reply(facts.NAMES[(number + 1) % 5], posts[-1], f"answer {number}"))
    return posts


async def test_it_leads_from_the_root_down_to_the_post_and_its_answers(world: ReadWorld) -> None:
    posts = chain(19)
    await world.given(*posts)
    further = [facts.reply("gus", posts[9], "one"), facts.reply("fay", posts[9], "two")]
    await world.given(*further)

    shown = await world.read(f"/v1/posts/{posts[9].post_id}/conversation")

    assert ids_of(shown, "ancestors") == [post.post_id for post in posts[:9]]
    assert int(shown["post"]["id"]) == posts[9].post_id
    assert ids_of(shown, "replies") == [posts[10].post_id, *(post.post_id for post in further)]
    handles = {account["handle"] for account in shown["includes"]["accounts"]}
    assert handles == {*facts.NAMES[:5], "fay", "gus"}
    assert shown["includes"]["posts"] == []


async def test_of_a_very_deep_one_the_nearest_ancestors_are_shown(world: ReadWorld) -> None:
    posts = chain(ANCESTORS_MAX + 5)
    await world.given(*posts)

    shown = await world.read(f"/v1/posts/{posts[-1].post_id}/conversation")

    nearest = posts[-1 - ANCESTORS_MAX : -1]
    assert ids_of(shown, "ancestors") == [post.post_id for post in nearest]


async def test_what_is_deleted_keeps_its_place_above_and_goes_below(world: ReadWorld) -> None:
    posts = chain(3)
    await world.given(*posts, facts.deleted(posts[1]))

    shown = await world.read(f"/v1/posts/{posts[3].post_id}/conversation")
    root = await world.read(f"/v1/posts/{posts[0].post_id}/conversation")

    assert shown["ancestors"][1] == {"id": str(posts[1].post_id), "deleted": True}
    assert [post.get("text") for post in shown["ancestors"]] == ["root", None, "answer 1"]
    assert root["replies"] == []
    gone = await world.ask(f"/v1/posts/{posts[1].post_id}/conversation")
    assert gone.status == 404


async def test_what_the_reader_may_not_see_is_as_if_deleted(world: ReadWorld) -> None:
    posts = chain(3)  # by ada, bob, cleo and dan
    await world.given(*posts)
    await world.given_relation(AccountBlocked, "bob", "eve")
    await world.given(AccountClosed(event_id=facts.event_id(), actor_id=facts.account("ada")))

    shown = await world.read(f"/v1/posts/{posts[3].post_id}/conversation", who="eve")

    assert shown["ancestors"][:2] == [
        {"id": str(post.post_id), "deleted": True} for post in posts[:2]
    ]
    assert {a["handle"] for a in shown["includes"]["accounts"]} == {"cleo", "dan"}


@pytest.mark.parametrize("limit", [1, 3, 50])
async def test_answers_come_oldest_first_in_full_pages(world: ReadWorld, limit: int) -> None:
    root = facts.tweet("ada")
    answers = [facts.reply(("bob", "cleo")[place % 2], root, f"{place}") for place in range(20)]
    await world.given(root, *answers)
    await world.given_relation(AccountBlocked, "cleo", "eve")
    path = f"/v1/posts/{root.post_id}/conversation?limit={limit}"

    pages = await world.walk(path, who="eve")

    shown = [post_id for page in pages for post_id in ids_of(page, "replies")]
    assert shown == [answer.post_id for answer in answers[::2]]
    assert all(len(page["replies"]) == limit for page in pages[:-1])


async def test_the_last_page_links_nowhere(world: ReadWorld) -> None:
    root = facts.tweet("ada")
    await world.given(root, facts.reply("bob", root))

    answered = await world.ask(f"/v1/posts/{root.post_id}/conversation?limit=1")

    assert link_of(answered, "next") is None
