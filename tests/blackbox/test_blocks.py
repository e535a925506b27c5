"""Block, both ways, on every read path; mute, in home and notifications only."""

import pytest

from tests.blackbox.client import Api, Json, Person, expect, ids, items_of, new_word, problem


class World:
    """Ada and Bob before the block: they follow each other and react to what they see. Cleo
    follows both, and Bob follows her."""

    def __init__(self, api: Api, ada: Person, bob: Person, cleo: Person) -> None:
        self.word = new_word()
        for one, other in ((ada, bob), (bob, ada), (bob, cleo), (cleo, ada), (cleo, bob)):
            one.relate("follow", other)
        self.ada, self.bob, self.cleo = ada, bob, cleo
        self.post = ada.tweet(f"{self.word} by ada")
        self.quote = cleo.tweet("look", quote_of_id=self.post["id"])
        self.root = cleo.tweet("root")
        self.reply = ada.reply(self.root, f"{self.word} reply")
        self.below = cleo.reply(self.reply, "below")
        cleo.react("repost", self.post)
        ada.react("repost", self.root)
        ada.react("like", self.root)
        for how in ("like", "repost", "bookmark"):
            bob.react(how, self.post)


@pytest.fixture
def world(api: Api, ada: Person, bob: Person, cleo: Person) -> World:
    return World(api, ada, bob, cleo)


@pytest.fixture(params=["bob blocks ada", "ada blocks bob"])
def blocked(request: pytest.FixtureRequest, world: World) -> World:
    """Whoever blocked whom: what Bob sees of Ada."""
    if request.param == "bob blocks ada":
        world.bob.relate("block", world.ada)
    else:
        world.ada.relate("block", world.bob)
    return world


def seen_anywhere(reader: Person, author: Person, paths: list[str]) -> list[str]:
    """The paths on which a post of the author is shown."""
    return [path for path in paths if _shows(reader.get(path).json(), author)]


def _shows(page: Json, author: Person) -> bool:
    conversation = [*page.get("ancestors", []), page.get("post", {}), *page.get("replies", [])]
    posts = [*page.get("items", []), *page["includes"]["posts"], *conversation]
    return any(post.get("author_id") == author.id for post in posts)


def read_paths(world: World) -> list[str]:
    post, root, below = world.post["id"], world.root["id"], world.below["id"]
    return [
        "/v1/timelines/home",
        "/v1/timelines/public",
        f"/v1/accounts/{world.ada.id}/posts?kind=all",
        f"/v1/accounts/{world.bob.id}/posts?kind=all",
        f"/v1/accounts/{world.cleo.id}/posts?kind=all",
        f"/v1/posts?ids={post}",
        f"/v1/posts/{root}/conversation",
        f"/v1/posts/{below}/conversation",
        "/v1/bookmarks",
        f"/v1/search/posts?q={world.word}",
        f"/v1/search/posts?q={world.word}&sort=relevance",
        f"/v1/search/posts?q=from:{world.ada.handle}",
        "/v1/notifications",
    ]


def test_without_a_block_all_of_these_paths_show_the_posts(world: World) -> None:
    paths = read_paths(world)

    hidden = set(paths) - set(seen_anywhere(world.bob, world.ada, paths))

    assert hidden <= {"/v1/notifications", "/v1/timelines/public"}


def test_a_block_hides_posts_on_every_read_path(blocked: World) -> None:
    assert seen_anywhere(blocked.bob, blocked.ada, read_paths(blocked)) == []
    for name in ("", "/conversation", "/history", "/likes", "/reposts"):
        answer = blocked.bob.get(f"/v1/posts/{blocked.post['id']}{name}")
        problem(answer, 404, "post-not-found")


def test_a_block_hides_the_reposts_of_the_blocked(blocked: World) -> None:
    items = blocked.bob.items("/v1/timelines/home")

    assert blocked.root["id"] in ids(items)
    assert all(item["reposted_by_id"] != blocked.ada.id for item in items)


def test_a_block_hides_likes_and_reposts_of_others_posts(blocked: World) -> None:
    for how in ("likes", "reposts"):
        path = f"/v1/posts/{blocked.root['id']}/{how}"
        assert blocked.ada.id not in ids(blocked.bob.items(path))
        assert blocked.ada.id in ids(blocked.cleo.items(path))


def test_a_block_hides_notifications(world: World) -> None:
    assert {n["actor_id"] for n in world.ada.notifications()} >= {world.bob.id}
    world.bob.relate("block", world.ada)
    assert world.bob.id not in {n["actor_id"] for n in world.ada.notifications()}


def test_a_block_leaves_others_out_of_it(api: Api, blocked: World) -> None:
    assert api.get(f"/v1/posts/{blocked.post['id']}").status_code == 200
    assert blocked.post["id"] in blocked.cleo.home()


def test_a_block_ends_the_follows_and_unblocking_restores_none(world: World) -> None:
    ada, bob = world.ada, world.bob
    bob.relate("block", ada)
    assert ids(bob.items(f"/v1/accounts/{bob.id}/following")) == [world.cleo.id]
    assert bob.id not in ids(world.cleo.items(f"/v1/accounts/{ada.id}/followers"))
    assert ada.id not in ids(world.cleo.items(f"/v1/accounts/{bob.id}/followers"))
    assert ada.get("/v1/accounts/me").json()["counts"] == {
        "tweets": 1,
        "followers": 1,
        "following": 0,
    }

    bob.unrelate("block", ada)

    assert ids(bob.items(f"/v1/accounts/{bob.id}/following")) == [world.cleo.id]
    assert world.post["id"] not in [
        item["id"] for item in bob.items("/v1/timelines/home") if not item["reposted_by_id"]
    ]
    expect(bob.get(f"/v1/posts/{world.post['id']}"), 200)
    viewer = bob.get(f"/v1/accounts/{ada.id}").json()["viewer"]
    assert not any(viewer.values())
    expect(bob.put(f"/v1/accounts/{ada.id}/follow"), 204)


def test_across_a_block_nobody_can_react(blocked: World) -> None:
    post, ada, bob = blocked.post["id"], blocked.ada, blocked.bob
    theirs = bob.tweet()["id"]
    for person, other, target in ((bob, ada, post), (ada, bob, theirs)):
        for how in ("like", "repost"):
            problem(person.put(f"/v1/posts/{target}/{how}"), 403, "blocked")
        reply = person.post(f"/v1/posts/{target}/replies", json={"text": "x"})
        problem(reply, 403, "blocked")
        quote = {"text": "x", "quote_of_id": target}
        problem(person.post("/v1/tweets", json=quote), 403, "blocked")
        problem(person.put(f"/v1/accounts/{other.id}/follow"), 403, "blocked")


def test_across_a_block_a_mention_notifies_nobody(ada: Person, bob: Person) -> None:
    ada.relate("block", bob)
    ada.tweet(f"hello @{bob.handle}")
    bob.tweet(f"hello @{ada.handle}")

    assert ada.notifications() == []
    assert bob.notifications() == []
    ada.unrelate("block", bob)
    assert ada.notifications() == []
    assert bob.notifications() == []


def test_a_blocked_reply_in_the_middle_keeps_its_place(blocked: World) -> None:
    page = blocked.bob.get(f"/v1/posts/{blocked.below['id']}/conversation").json()

    assert page["ancestors"][0]["id"] == blocked.root["id"]
    assert page["ancestors"][1] == {"id": blocked.reply["id"], "deleted": True}


def test_accounts_across_a_block_say_who_blocked(ada: Person, bob: Person) -> None:
    ada.relate("block", bob)

    assert ada.get(f"/v1/accounts/{bob.id}").json()["viewer"]["blocking"] is True
    assert bob.get(f"/v1/accounts/{ada.id}").json()["viewer"]["blocked_by"] is True
    assert bob.items("/v1/blocks") == []


def test_a_mute_hides_in_home_and_notifications_only(world: World) -> None:
    ada, bob = world.ada, world.bob
    ada.tweet(f"hello @{bob.handle}")
    before = bob.home()

    bob.relate("mute", ada)

    assert all(item["author_id"] != ada.id for item in bob.items("/v1/timelines/home"))
    others = set(read_paths(world)) - {"/v1/timelines/home", "/v1/notifications"}
    assert set(seen_anywhere(bob, ada, sorted(others))) >= others - {"/v1/timelines/public"}
    assert seen_anywhere(bob, ada, ["/v1/notifications"]) == []
    assert ada.id not in {n["actor_id"] for n in bob.notifications()}
    assert all(i["reposted_by_id"] != ada.id for i in bob.items("/v1/timelines/home"))
    expect(bob.get(f"/v1/posts/{world.post['id']}"), 200)
    expect(bob.put(f"/v1/posts/{world.post['id']}/like"), 204)
    bob.unrelate("mute", ada)
    assert bob.home() == before
    assert ada.id in {n["actor_id"] for n in bob.notifications()}


def test_a_mute_leaves_the_follow(world: World) -> None:
    world.bob.relate("mute", world.ada)

    assert world.bob.id in ids(items_of(world.cleo.get(f"/v1/accounts/{world.ada.id}/followers")))
    assert not any(n["kind"] == "mute" for n in world.ada.notifications())
