"""Search for posts and people over HTTP."""

import pytest

from domain.events import AccountBlocked
from tests import facts
from tests.read_world import ReadWorld, ids_of, link_of, names_of


async def given_posts(world: ReadWorld) -> list[int]:
    posts = [
        facts.tweet(("ada", "bob")[place % 2], f"apple number {place} #fruit")
        for place in range(12)
    ]
    await world.given(*posts, facts.tweet("cleo", "pears"))
    return [post.post_id for post in posts]


@pytest.mark.parametrize("limit", [1, 5, 100])
async def test_the_newest_come_first_through_the_links_both_ways(
    world: ReadWorld, limit: int
) -> None:
    posts = await given_posts(world)

    down = await world.walk(f"/v1/search/posts?q=apple&limit={limit}")
    up = await world.walk(f"/v1/search/posts?q=apple&limit={limit}&min_id=0", rel="prev")

    assert [post_id for page in down for post_id in ids_of(page)] == posts[::-1]
    assert [post_id for page in up[::-1] for post_id in ids_of(page)] == posts[::-1]


@pytest.mark.parametrize("limit", [1, 5, 100])
async def test_the_most_relevant_lead_through_cursors_without_gaps(
    world: ReadWorld, limit: int
) -> None:
    posts = await given_posts(world)
    await world.given_relation(AccountBlocked, "bob", "eve")

    pages = await world.walk(f"/v1/search/posts?q=apple&sort=relevance&limit={limit}", who="eve")

    found = [post_id for page in pages for post_id in ids_of(page)]
    assert sorted(found) == posts[::2]
    assert all(len(page["items"]) == limit for page in pages[:-1])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("%23fruit", 12),
        ("%22number+3%22", 1),
        ("from:bob", 6),
        ("apple+-from:bob", 6),
        ("has:media", 0),
        ("-apple", 0),
        ("", 0),
    ],
)
async def test_the_language_of_queries(world: ReadWorld, query: str, found: int) -> None:
    await given_posts(world)

    assert len((await world.read(f"/v1/search/posts?q={query}"))["items"]) == found


async def test_a_search_needs_words_and_a_known_order(world: ReadWorld) -> None:
    for target in ("posts", "accounts", "posts?q=a&sort=oldest", "posts?q=a&max_id=x"):
        assert (await world.ask(f"/v1/search/{target}")).status == 422


async def test_a_cursor_of_another_list_is_refused(world: ReadWorld) -> None:
    await given_posts(world)
    target = "/v1/search/posts?q=apple&sort=relevance&limit=1"
    cursor = (link_of(await world.ask(target), "next") or "").partition("cursor=")[2]

    for foreign in (f"/v1/search/accounts?q=a&cursor={cursor}", f"{target}&cursor=AAAA"):
        assert (await world.ask(foreign)).status == 422


async def test_people_are_found_by_handle_and_name(world: ReadWorld) -> None:
    page = await world.read("/v1/search/accounts?q=%40AD", who="bob")

    assert names_of(page) == ["ada"]
    assert page["items"][0]["viewer"]["following"] is False
    assert (await world.read("/v1/search/accounts?q=%22"))["items"] == []


async def test_people_come_in_full_pages(world: ReadWorld) -> None:
    await world.given(*(facts.opened(name, "Same Name") for name in facts.NAMES))
    await world.given_relation(AccountBlocked, "ada", "bob")

    pages = await world.walk("/v1/search/accounts?q=same&limit=2", who="bob")

    found = [name for page in pages for name in names_of(page)]
    assert set(found) == set(facts.NAMES) - {"ada"}
    assert len(found) == len(facts.NAMES) - 1
    assert all(len(page["items"]) == 2 for page in pages[:-1])
