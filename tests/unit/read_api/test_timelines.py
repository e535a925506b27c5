"""Home, public and account timelines over HTTP."""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

import pytest

from domain.events import AccountBlocked, AccountFollowed
from projections.projection import StoreUnavailable
from read_api.ports import NoBodies
from tests import facts
from tests.read_world import Json, ReadWorld, ids_of, link_of, name_of

TOGETHER_S: Final = 60.0


async def given_friends(world: ReadWorld) -> None:
    for name in ("bob", "cleo", "dan"):
        await world.given_relation(AccountFollowed, "ada", name)


async def given_posts(world: ReadWorld, number: int) -> list[int]:
    """Tweets of bob, cleo and dan in turn."""
    posts = [
        facts.tweet(("bob", "cleo", "dan")[place % 3], f"post {place}") for place in range(number)
    ]
    await world.given(*posts)
    return [post.post_id for post in posts]


def item_ids(pages: Sequence[Json]) -> list[int]:
    return [int(item["item_id"]) for page in pages for item in page["items"]]


async def test_home_is_what_those_followed_and_oneself_post(world: ReadWorld) -> None:
    await given_friends(world)
    mine, theirs = facts.tweet("ada"), facts.tweet("bob")
    thread = facts.reply("bob", theirs, "to myself")
    strange = facts.tweet("eve")
    answer = facts.reply("bob", strange, "to a stranger")
    await world.given(mine, theirs, thread, strange, answer, facts.reposted("cleo", strange))

    page = await world.read("/v1/timelines/home", who="ada")

    assert ids_of(page) == [strange.post_id, thread.post_id, theirs.post_id, mine.post_id]
    first = page["items"][0]
    assert name_of(first["reposted_by_id"]) == "cleo"
    assert int(first["item_id"]) > int(first["id"])
    assert {a["handle"] for a in page["includes"]["accounts"]} == {"ada", "bob", "cleo", "eve"}
    assert (await world.ask("/v1/timelines/home")).status == 401


async def test_a_post_stands_on_a_page_once_and_the_page_is_full(world: ReadWorld) -> None:
    await given_friends(world)
    posts = await given_posts(world, 6)
    newest = facts.tweet("bob")
    await world.given(newest, facts.reposted("cleo", newest), facts.reposted("dan", newest))

    page = await world.read("/v1/timelines/home?limit=4", who="ada")

    assert ids_of(page) == [newest.post_id, *posts[:-4:-1]]
    assert name_of(page["items"][0]["reposted_by_id"]) == "dan"


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_the_links_lead_down_to_the_very_first_post_and_up_again(
    world: ReadWorld, limit: int
) -> None:
    await given_friends(world)
    posts = await given_posts(world, 25)

    down = await world.walk(f"/v1/timelines/home?limit={limit}", who="ada")
    up = await world.walk(f"/v1/timelines/home?limit={limit}&min_id=0", who="ada", rel="prev")

    assert item_ids(down) == posts[::-1]
    assert item_ids(up[::-1]) == posts[::-1]


async def test_the_newest_page_links_to_what_comes_later(world: ReadWorld) -> None:
    await given_friends(world)
    await given_posts(world, 3)
    later = link_of(await world.ask("/v1/timelines/home", who="ada"), "prev") or ""
    before = await world.read(later, who="ada")
    post = facts.tweet("bob", "later")
    await world.given(post)

    after = await world.read(later, who="ada")

    assert (before["items"], ids_of(after)) == ([], [post.post_id])


async def test_since_id_gives_the_newest_above_it_and_min_id_the_next(world: ReadWorld) -> None:
    await given_friends(world)
    posts = await given_posts(world, 6)

    since = await world.read(f"/v1/timelines/home?limit=2&since_id={posts[1]}", who="ada")
    next_up = await world.read(f"/v1/timelines/home?limit=2&min_id={posts[1]}", who="ada")
    between = await world.walk(f"/v1/timelines/home?limit=1&since_id={posts[2]}", who="ada")

    assert ids_of(since) == [posts[5], posts[4]]
    assert ids_of(next_up) == [posts[3], posts[2]]
    assert item_ids(between) == [posts[5], posts[4], posts[3]]


async def test_blocking_while_scrolling_loses_nothing_of_the_others(world: ReadWorld) -> None:
    await given_friends(world)
    posts = await given_posts(world, 30)
    chance = random.Random(7)
    shown: list[int] = []
    following: str | None = "/v1/timelines/home?limit=4"
    blocked = False

    while following is not None:
        answered = await world.ask(following, who="ada")
        shown += ids_of(answered.json())
        following = link_of(answered, "next")
        if not blocked and chance.random() < 0.5:
            await world.given_relation(AccountBlocked, "cleo", "ada")
            blocked = True

    others = [post_id for place, post_id in enumerate(posts) if place % 3 != 1]
    assert len(set(shown)) == len(shown)
    assert [post_id for post_id in shown if post_id in others] == others[::-1]


@pytest.mark.parametrize(
    ("kind", "expected"), [("tweet", "TR"), ("reply", "A"), ("all", "ATR"), (None, "TR")]
)
async def test_an_accounts_posts_by_kind(world: ReadWorld, kind: str | None, expected: str) -> None:
    elsewhere = facts.tweet("eve")
    repost, tweet = facts.reposted("bob", elsewhere), facts.tweet("bob")
    answer = facts.reply("bob", elsewhere)
    await world.given(elsewhere, repost, tweet, answer)
    letters = {str(repost.event_id): "R", str(tweet.event_id): "T", str(answer.event_id): "A"}
    query = "" if kind is None else f"?kind={kind}"

    page = await world.read(f"/v1/accounts/{facts.account('bob')}/posts{query}")

    assert "".join(letters[item["item_id"]] for item in page["items"]) == expected


async def test_the_public_timeline_has_everybodys_tweets_only(world: ReadWorld) -> None:
    tweet = facts.tweet("eve")
    await world.given(tweet, facts.reply("bob", tweet), facts.reposted("cleo", tweet))

    page = await world.read("/v1/timelines/public")

    assert ids_of(page) == [tweet.post_id]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "max_id=x", "kind=other"])
async def test_a_malformed_query_is_refused(world: ReadWorld, query: str) -> None:
    answered = await world.ask(f"/v1/accounts/{facts.account('bob')}/posts?{query}")

    assert answered.status == 422
    assert answered.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


async def test_an_account_that_is_not_there_has_no_timeline(world: ReadWorld) -> None:
    assert (await world.ask("/v1/accounts/1/posts")).status == 404


class Together:
    """A store that answers when so many questions wait, of it and of the others."""

    def __init__(self, store: object, others: asyncio.Barrier) -> None:
        self._store = store
        self._others = others

    def __getattr__(self, question: str) -> object:
        async def ask(*asked: object) -> object:
            await self._others.wait()
            return await getattr(self._store, question)(*asked)

        return ask


async def test_stores_that_are_waited_for_are_asked_for_a_pages_people_at_once(
    world: ReadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await given_friends(world)
    quoted = facts.tweet("eve")
    await world.given(quoted, facts.tweet("bob", quoting=quoted))
    target = "/v1/timelines/home"
    in_turn = await world.read(target, who="ada")

    waited_for = asyncio.Barrier(4)
    monkeypatch.setattr(world.views, "bodies", NoBodies())
    monkeypatch.setattr(world.views, "ask", asyncio.gather)
    for name in ("account_directory", "author_timelines", "follower_graph"):
        store = getattr(world.views, name)
        monkeypatch.setattr(world.views, name, Together(store, waited_for))
    async with asyncio.timeout(TOGETHER_S):
        at_once = await world.read(target, who="ada")

    assert at_once == in_turn
    assert {a["handle"] for a in at_once["includes"]["accounts"]} == {"bob", "eve"}


async def test_who_wrote_a_quoted_post_that_is_gone_is_not_on_the_page(world: ReadWorld) -> None:
    await given_friends(world)
    quoted = facts.tweet("eve")
    await world.given(quoted, facts.tweet("bob", quoting=quoted), facts.deleted(quoted))

    page = await world.read("/v1/timelines/home", who="ada")

    assert page["includes"]["posts"] == []
    assert [a["handle"] for a in page["includes"]["accounts"]] == ["bob"]


class Away:
    """A store that cannot be reached."""

    def __getattr__(self, question: str) -> object:
        async def refuse(*_asked: object) -> None:
            raise StoreUnavailable(f"Nobody answers {question}")

        return refuse


async def test_a_page_comes_without_what_a_dead_store_knows_of_its_people(
    world: ReadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await given_friends(world)
    (post_id,) = await given_posts(world, 1)

    monkeypatch.setattr(world.views, "bodies", NoBodies())
    monkeypatch.setattr(world.views, "follower_graph", Away())
    page = await world.read("/v1/timelines/home", who="ada")

    assert ids_of(page) == [post_id]
    (author,) = page["includes"]["accounts"]
    assert (author["handle"], author["counts"], author["viewer"]) == ("bob", None, None)
    monkeypatch.setattr(world.views, "account_directory", Away())
    page = await world.read("/v1/timelines/home", who="ada")
    assert ids_of(page) == [post_id]
    assert page["includes"]["accounts"] == []


async def rendered(world: ReadWorld, who: str) -> list[Json]:
    """The items of a home, with what they say of their reader."""
    items: list[Json] = (await world.read("/v1/timelines/home", who=who))["items"]
    return items


async def test_a_page_says_what_its_reader_did_though_others_saw_the_post_before(
    world: ReadWorld,
) -> None:
    post = facts.tweet("bob")
    for name in ("ada", "cleo"):
        await world.given_relation(AccountFollowed, name, "bob")
    await world.given(post)
    (untouched,) = await rendered(world, "ada")
    assert await rendered(world, "cleo") == [untouched]

    await world.given(facts.liked("ada", post))
    (hers,), (others,) = await rendered(world, "ada"), await rendered(world, "cleo")

    assert (hers["viewer"]["liked"], others["viewer"]["liked"]) == (True, False)
    assert hers["counts"]["likes"] == others["counts"]["likes"] == 1
    await world.given(facts.edited(post, "another text"))
    assert (await rendered(world, "ada"))[0]["text"] == "another text"
    assert (await rendered(world, "cleo"))[0]["text"] == "another text"


async def test_the_same_post_stands_as_itself_and_as_a_repost(world: ReadWorld) -> None:
    post = facts.tweet("bob")
    await world.given_relation(AccountFollowed, "ada", "bob")
    await world.given_relation(AccountFollowed, "dan", "cleo")
    await world.given(post, facts.reposted("cleo", post))

    (own,), (repost,) = await rendered(world, "ada"), await rendered(world, "dan")

    assert (own["item_id"], own["reposted_by_id"]) == (own["id"], None)
    assert repost["id"] == own["id"]
    assert repost["item_id"] != own["item_id"]
    assert name_of(repost["reposted_by_id"]) == "cleo"
