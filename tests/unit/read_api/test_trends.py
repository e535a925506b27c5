"""Trending hashtags over HTTP."""

from domain.ids import millis_of
from tests import facts
from tests.read_world import ReadWorld


async def test_tags_come_with_their_posts_and_score(world: ReadWorld) -> None:
    posts = [
        facts.tweet(name, text)
        for name in ("ada", "bob", "cleo")
        for text in ("#Apple #pear", "#apple")
    ]
    await world.given(*posts[:5])
    world.now_ms = millis_of(posts[4].event_id) + 60_000

    page = await world.read("/v1/trends?limit=1")
    both = await world.read("/v1/trends")

    (first,) = page["items"]
    assert first.keys() == {"tag", "count", "score"}
    assert (first["tag"].lower(), first["count"]) == ("apple", 5)
    assert first["score"] > 0
    assert page["includes"] == {"accounts": [], "posts": []}
    assert [item["tag"].lower() for item in both["items"]] == ["apple", "pear"]


async def test_nothing_trends_where_nobody_posts(world: ReadWorld) -> None:
    assert (await world.read("/v1/trends"))["items"] == []
