"""Single posts, posts in bulk, history, who reacted, bookmarks."""

from collections.abc import Callable

import pytest

from domain.events import AccountBlocked, BookmarkAdded, BookmarkRemoved, Event
from domain.ids import PostId
from tests import facts
from tests.read_world import ReadWorld, ids_of, link_of, names_of


def bookmarked(name: str, post_id: int) -> BookmarkAdded:
    return BookmarkAdded(
        event_id=facts.event_id(), actor_id=facts.account(name), post_id=PostId(post_id)
    )


async def test_a_post_is_shown_with_its_counts(world: ReadWorld) -> None:
    post = facts.tweet("ada", "hello #world")
    await world.given(post, facts.reply("bob", post), facts.liked("bob", post))

    shown = await world.read(f"/v1/posts/{post.post_id}")

    assert shown["text"] == "hello #world"
    assert shown["author_id"] == str(facts.account("ada"))
    assert shown["counts"] == {"replies": 1, "reposts": 0, "likes": 1, "quotes": 0}
    assert "viewer" not in shown


async def test_a_reader_sees_what_they_did_with_it(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    await world.given(post, facts.liked("bob", post), bookmarked("bob", post.post_id))

    shown = await world.read(f"/v1/posts/{post.post_id}", who="bob")

    assert shown["viewer"] == {"liked": True, "reposted": False, "bookmarked": True}


async def test_a_post_that_is_not_there_is_404(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    await world.given(post, facts.deleted(post))

    for post_id in (post.post_id, facts.post_id_of(1), "9" * 40):
        assert (await world.ask(f"/v1/posts/{post_id}")).status == 404


@pytest.mark.parametrize("wildcard", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
async def test_a_post_that_the_client_has_is_304(world: ReadWorld, wildcard: str) -> None:
    post = facts.tweet("ada")
    await world.given(post)
    first = await world.ask(f"/v1/posts/{post.post_id}")
    etag = first.headers["etag"]

    again = await world.ask(f"/v1/posts/{post.post_id}", if_none_match=wildcard.format(etag=etag))

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)


async def test_the_etag_begins_with_the_version_and_changes_with_what_is_shown(
    world: ReadWorld,
) -> None:
    post = facts.tweet("ada")
    await world.given(post)
    path = f"/v1/posts/{post.post_id}"
    etags = [(await world.ask(path)).headers["etag"]]

    for event in (facts.liked("bob", post), facts.edited(post, "changed")):
        await world.given(event)
        etags.append((await world.ask(path)).headers["etag"])

    assert [etag.partition(".")[0] for etag in etags] == ['"1', '"1', '"2']
    assert len(set(etags)) == 3
    assert (await world.ask(path, if_none_match=etags[1])).status == 200


async def test_posts_in_bulk_come_in_the_order_asked_for_without_those_missing(
    world: ReadWorld,
) -> None:
    posts = [facts.tweet("ada", f"post {number}") for number in range(4)]
    await world.given(*posts, facts.deleted(posts[1]))
    wanted = [posts[3], posts[0], posts[1], posts[2], posts[0]]

    page = await world.read(f"/v1/posts?ids={','.join(str(post.post_id) for post in wanted)}")

    assert ids_of(page) == [posts[3].post_id, posts[0].post_id, posts[2].post_id]
    assert [a["handle"] for a in page["includes"]["accounts"]] == ["ada"]


async def test_more_than_a_hundred_ids_are_refused(world: ReadWorld) -> None:
    ids = ",".join(str(number) for number in range(1, 102))

    assert (await world.ask(f"/v1/posts?ids={ids}")).status == 422
    assert (await world.ask(f"/v1/accounts?ids={ids}")).status == 422
    assert (await world.ask("/v1/posts?ids=1,x")).status == 422


async def test_every_version_of_a_text_is_kept_oldest_first(world: ReadWorld) -> None:
    post = facts.tweet("ada", "one")
    await world.given(post, facts.edited(post, "two"), facts.edited(post, "three"))

    pages = await world.walk(f"/v1/posts/{post.post_id}/history?limit=2")

    assert [len(page["items"]) for page in pages] == [2, 1]
    versions = [item for page in pages for item in page["items"]]
    assert [(item["version"], item["text"]) for item in versions] == [
        (1, "one"),
        (2, "two"),
        (3, "three"),
    ]


@pytest.mark.parametrize(("path", "react"), [("likes", facts.liked), ("reposts", facts.reposted)])
async def test_who_reacted_is_listed_newest_first(
    world: ReadWorld, path: str, react: Callable[..., Event]
) -> None:
    post = facts.tweet("ada")
    await world.given(post, *(react(name, post) for name in ("bob", "cleo", "dan", "eve", "fay")))

    pages = await world.walk(f"/v1/posts/{post.post_id}/{path}?limit=2")

    assert [names_of(page) for page in pages] == [["fay", "eve"], ["dan", "cleo"], ["bob"]]


@pytest.mark.parametrize(("path", "react"), [("likes", facts.liked), ("reposts", facts.reposted)])
async def test_who_reacted_and_is_blocked_leaves_no_short_page(
    world: ReadWorld, path: str, react: Callable[..., Event]
) -> None:
    post = facts.tweet("ada")
    await world.given(post, *(react(name, post) for name in ("bob", "cleo", "dan", "eve", "fay")))
    await world.given_relation(AccountBlocked, "gus", "eve")
    await world.given_relation(AccountBlocked, "dan", "gus")

    pages = await world.walk(f"/v1/posts/{post.post_id}/{path}?limit=2", who="gus")

    assert [names_of(page) for page in pages] == [["fay", "cleo"], ["bob"]]


async def test_bookmarks_that_may_not_be_seen_leave_no_short_page(world: ReadWorld) -> None:
    posts = [facts.tweet(name) for name in ("ada", "cleo", "dan", "eve", "ada")]
    await world.given(*posts, *(bookmarked("bob", post.post_id) for post in posts))
    for name in ("cleo", "eve"):
        await world.given_relation(AccountBlocked, name, "bob")

    pages = await world.walk("/v1/bookmarks?limit=2", who="bob")

    assert [ids_of(page) for page in pages] == [
        [posts[4].post_id, posts[2].post_id],
        [posts[0].post_id],
    ]


async def test_bookmarks_are_the_readers_own_newest_first(world: ReadWorld) -> None:
    posts = [facts.tweet("ada", f"post {number}") for number in range(5)]
    await world.given(*posts, *(bookmarked("bob", post.post_id) for post in posts))
    await world.given(
        BookmarkRemoved(
            event_id=facts.event_id(), actor_id=facts.account("bob"), post_id=posts[2].post_id
        )
    )

    pages = await world.walk("/v1/bookmarks?limit=2", who="bob")

    assert [ids_of(page) for page in pages] == [
        [posts[4].post_id, posts[3].post_id],
        [posts[1].post_id, posts[0].post_id],
    ]
    assert (await world.read("/v1/bookmarks", who="cleo"))["items"] == []
    assert (await world.ask("/v1/bookmarks")).status == 401


async def test_a_cursor_that_was_changed_or_is_another_lists_is_refused(world: ReadWorld) -> None:
    posts = [facts.tweet("ada", f"post {number}") for number in range(3)]
    await world.given(*posts, *(bookmarked("bob", post.post_id) for post in posts))
    first = await world.ask("/v1/bookmarks?limit=1", who="bob")
    following = link_of(first, "next") or ""
    path, _, cursor = following.partition("cursor=")
    turned = cursor.swapcase()

    changed = await world.ask(f"{path}cursor={turned}", who="bob")
    elsewhere = await world.ask(f"/v1/suggestions?cursor={cursor}", who="bob")

    assert (changed.status, elsewhere.status) == (422, 422)
    assert changed.json()["errors"][0]["pointer"] == "/cursor"


async def test_what_a_post_quotes_or_answers_is_included(world: ReadWorld) -> None:
    quoted = facts.tweet("cleo", "quoted")
    quoting = facts.tweet("bob", "quoting", quoting=quoted)
    answer = facts.reply("dan", quoting)
    await world.given(quoted, quoting, answer)

    page = await world.read(f"/v1/posts?ids={quoting.post_id},{answer.post_id}")

    assert [int(post["id"]) for post in page["includes"]["posts"]] == [quoted.post_id]
    assert {a["handle"] for a in page["includes"]["accounts"]} == {"bob", "cleo", "dan"}
