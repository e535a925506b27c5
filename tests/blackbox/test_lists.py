"""General: lists, their limits, their bounds and their links."""

from collections.abc import Callable

import pytest

from tests.blackbox.client import (
    Api,
    Json,
    Person,
    expect,
    ids,
    items_of,
    links,
    new_word,
    pages,
    problem,
    walk,
)

PUBLIC_LISTS = ["/v1/timelines/public", "/v1/search/posts?q=a", "/v1/search/accounts?q=a"]
OWN_LISTS = [
    "/v1/timelines/home",
    "/v1/notifications",
    "/v1/bookmarks",
    "/v1/suggestions",
    "/v1/blocks",
    "/v1/mutes",
]


def item_ids(items: list[Json]) -> list[int]:
    return [int(item["item_id"]) for item in items]


@pytest.fixture
def tweets(ada: Person) -> list[str]:
    """Newest first."""
    return [ada.tweet(f"number {n}")["id"] for n in range(25)][::-1]


@pytest.mark.parametrize("path", PUBLIC_LISTS + OWN_LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "", " 1", "\u0661"])
def test_a_malformed_limit_is_422(ada: Person, path: str, limit: str) -> None:
    url = f"{path}{'&' if '?' in path else '?'}limit="

    document = problem(ada.get(url + limit), 422, "invalid")

    assert document["errors"][0]["pointer"].endswith("limit")


@pytest.mark.parametrize("path", PUBLIC_LISTS + OWN_LISTS)
def test_a_limit_above_the_greatest_is_capped(ada: Person, path: str) -> None:
    for limit in ("100", "101", "999999999999999999999999"):
        expect(ada.get(f"{path}{'&' if '?' in path else '?'}limit={limit}"), 200)


@pytest.mark.parametrize("path", ["/v1/timelines/public", "/v1/timelines/home"])
@pytest.mark.parametrize("bound", ["max_id", "since_id", "min_id"])
def test_a_bound_is_a_decimal_id(ada: Person, path: str, bound: str) -> None:
    for good in ("0", "1", str(2**63 - 1), str(2**64), "9" * 30):
        expect(ada.get(path, params={bound: good}), 200)
    for bad in ("x", "-1", "1.5", "", "0x1"):
        problem(ada.get(path, params={bound: bad}), 422, "invalid")


def test_20_by_default_and_at_most_100(ada: Person) -> None:
    for n in range(105):
        ada.tweet(f"number {n}")
    path = f"/v1/accounts/{ada.id}/posts"

    assert len(ada.items(path)) == 20
    assert len(ada.items(path, limit=100)) == 100
    assert len(ada.items(path, limit=1_000)) == 100
    assert len(ada.items(path, limit=7)) == 7


def test_next_walks_to_the_very_first_post(ada: Person, tweets: list[str]) -> None:
    for path in ("/v1/timelines/home", f"/v1/accounts/{ada.id}/posts"):
        for limit in (1, 4, 24, 25, 26):
            found = list(pages(ada, path, limit=limit))
            assert ids([item for page in found for item in page]) == tweets
            assert all(len(page) == limit for page in found[:-1])


def test_prev_walks_back_to_the_newest(ada: Person, tweets: list[str]) -> None:
    for path in ("/v1/timelines/home", f"/v1/accounts/{ada.id}/posts"):
        first = [ada.items(path, max_id=int(tweets[-1]) + 1, limit=4)]
        upwards = first + list(pages(ada, path, way="prev", min_id=tweets[-1], limit=4))
        assert ids([item for page in upwards[::-1] for item in page]) == tweets


def test_prev_finds_what_is_new_since_a_page(ada: Person, tweets: list[str]) -> None:
    answer = ada.get("/v1/timelines/home", params={"limit": 5})
    newer = [ada.tweet(f"newer {n}")["id"] for n in range(3)][::-1]

    found = items_of(ada.get(links(answer)["prev"]))

    assert ids(found) == newer


def test_next_of_a_page_that_prev_led_to_leads_back(ada: Person, tweets: list[str]) -> None:
    below = ada.get("/v1/timelines/home", params={"limit": 5, "max_id": tweets[9]})
    above = ada.get(links(below)["prev"])

    assert ids(items_of(above)) == tweets[5:10]
    assert ids(items_of(ada.get(links(above)["next"]))) == ids(items_of(below))


def test_bounds_are_exclusive_and_say_which_end(ada: Person, tweets: list[str]) -> None:
    for path in ("/v1/timelines/home", f"/v1/accounts/{ada.id}/posts"):
        assert ids(ada.items(path, max_id=tweets[5], limit=3)) == tweets[6:9]
        assert ids(ada.items(path, since_id=tweets[5], limit=3)) == tweets[0:3]
        assert ids(ada.items(path, min_id=tweets[5], limit=3)) == tweets[2:5]
        assert ids(ada.items(path, since_id=tweets[5], max_id=tweets[2])) == tweets[3:5]
        assert ada.items(path, max_id=tweets[-1]) == []
        assert ada.items(path, since_id=tweets[0]) == []
        assert ada.items(path, min_id=tweets[0]) == []


def test_links_keep_the_other_parameters(ada: Person, tweets: list[str]) -> None:
    path = f"/v1/accounts/{ada.id}/posts"
    root = {"id": tweets[0]}
    replies = [ada.reply(root, f"reply {n}")["id"] for n in range(5)][::-1]

    assert ids(walk(ada, path, kind="reply", limit=2)) == replies
    assert ids(walk(ada, path, kind="all", limit=2)) == replies + tweets
    assert ids(walk(ada, path, kind="tweet", limit=2)) == tweets


def test_a_deleted_post_leaves_no_gap_in_a_walk(ada: Person, tweets: list[str]) -> None:
    seen: list[str] = []
    for page in pages(ada, "/v1/timelines/home", limit=5):
        seen += ids(page)
        if len(seen) == 10:
            expect(ada.delete(f"/v1/tweets/{seen[-1]}"), 204)

    assert seen == tweets


def test_the_public_timeline_walks_without_gaps_or_duplicates(api: Api, tweets: list[str]) -> None:
    seen = [item["item_id"] for item in walk(api, "/v1/timelines/public", limit=100)]

    assert set(tweets) <= set(seen)
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, key=int, reverse=True)


def _followers(api: Api, ada: Person) -> tuple[str, list[str]]:
    people = [api.person() for _ in range(12)]
    for person in people:
        person.relate("follow", ada)
    return f"/v1/accounts/{ada.id}/followers", [person.id for person in people][::-1]


def _following(api: Api, ada: Person) -> tuple[str, list[str]]:
    people = [api.person() for _ in range(12)]
    for person in people:
        ada.relate("follow", person)
    return f"/v1/accounts/{ada.id}/following", [person.id for person in people][::-1]


def _blocks(api: Api, ada: Person) -> tuple[str, list[str]]:
    people = [api.person() for _ in range(12)]
    for person in people:
        ada.relate("block", person)
    return "/v1/blocks", [person.id for person in people][::-1]


def _mutes(api: Api, ada: Person) -> tuple[str, list[str]]:
    people = [api.person() for _ in range(12)]
    for person in people:
        ada.relate("mute", person)
    return "/v1/mutes", [person.id for person in people][::-1]


def _likes(api: Api, ada: Person) -> tuple[str, list[str]]:
    people, post = [api.person() for _ in range(12)], ada.tweet()
    for person in people:
        person.react("like", post)
    return f"/v1/posts/{post['id']}/likes", [person.id for person in people][::-1]


def _reposts(api: Api, ada: Person) -> tuple[str, list[str]]:
    people, post = [api.person() for _ in range(12)], ada.tweet()
    for person in people:
        person.react("repost", post)
    return f"/v1/posts/{post['id']}/reposts", [person.id for person in people][::-1]


def _bookmarks(api: Api, ada: Person) -> tuple[str, list[str]]:
    posts = [ada.tweet() for _ in range(12)]
    posts.append(posts.pop(3))  # newest bookmark first, not newest post
    for post in posts:
        ada.react("bookmark", post)
    return "/v1/bookmarks", ids(posts)[::-1]


Listed = Callable[[Api, Person], tuple[str, list[str]]]


@pytest.mark.parametrize(
    "listed", [_followers, _following, _blocks, _mutes, _likes, _reposts, _bookmarks]
)
def test_lists_with_a_cursor_walk_newest_first(api: Api, ada: Person, listed: Listed) -> None:
    path, expected = listed(api, ada)

    for limit in (1, 5, 12, 13):
        assert ids(walk(ada, path, limit=limit)) == expected


def test_relevance_pages_by_link(api: Api, ada: Person) -> None:
    word = new_word()
    posts = {ada.tweet(f"{word} number {n}")["id"] for n in range(12)}

    found = ids(walk(api, "/v1/search/posts", q=word, sort="relevance", limit=5))

    assert len(found) == 12
    assert set(found) == posts


def test_a_cursor_that_was_made_up_is_422(ada: Person) -> None:
    for path in ("/v1/bookmarks", "/v1/blocks", f"/v1/accounts/{ada.id}/followers"):
        for cursor in ("x", "1", "%00", "AAAA"):
            problem(ada.get(f"{path}?cursor={cursor}"), 422, "invalid")


def test_a_repost_stands_at_its_own_id_and_a_post_once_on_a_page(
    ada: Person, bob: Person, cleo: Person
) -> None:
    old = ada.tweet("old")
    others = [ada.tweet(f"other {n}")["id"] for n in range(6)][::-1]
    cleo.relate("follow", ada)
    cleo.relate("follow", bob)
    bob.react("repost", old)

    items = cleo.items("/v1/timelines/home")
    assert ids(items) == [old["id"], *others]
    assert items[0]["reposted_by_id"] == bob.id
    assert item_ids(items) == sorted(item_ids(items), reverse=True)
    assert len(cleo.items("/v1/timelines/home", limit=7)) == 7
    pages_of_3 = list(pages(cleo, "/v1/timelines/home", limit=3))
    assert [len(page) for page in pages_of_3[:2]] == [3, 3]
    assert {post for page in pages_of_3 for post in ids(page)} == {old["id"], *others}

    bob.unreact("repost", old)
    assert cleo.home() == [*others, old["id"]]


def test_a_page_is_refilled_to_its_limit(ada: Person, bob: Person, cleo: Person) -> None:
    cleo.relate("follow", bob)
    cleo.relate("follow", ada)
    posts = [ada.tweet(f"number {n}") for n in range(10)]
    for post in posts:
        bob.react("repost", post)

    first = cleo.get("/v1/timelines/home", params={"limit": 10})

    assert ids(items_of(first)) == ids(posts)[::-1]
    rest = {item["id"] for item in walk(cleo, "/v1/timelines/home", limit=4)}
    assert rest == set(ids(posts))
