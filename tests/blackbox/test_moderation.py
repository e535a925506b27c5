"""Reports, suspensions and hidden posts, by an administrator."""

import pytest

from tests.blackbox.client import (
    PASSWORD,
    Api,
    Person,
    expect,
    ids,
    items_of,
    made,
    new_word,
    problem,
)

ADMIN_PATHS = [
    ("GET", "/v1/admin/projections"),
    ("POST", "/v1/admin/projections/trends/replay"),
    ("POST", "/v1/admin/projections/trends/swap"),
    ("POST", "/v1/admin/projections/trends/rollback"),
    ("POST", "/v1/admin/projections/trends/prune"),
    ("POST", "/v1/admin/projections/trends/verify"),
    ("POST", "/v1/admin/projections/trends/repair"),
    ("POST", "/v1/admin/projections/trends/reapply"),
    ("GET", "/v1/admin/dead-letters"),
    ("GET", "/v1/admin/dead-letters/trends/0/1"),
    ("POST", "/v1/admin/dead-letters/trends/retry"),
    ("GET", "/v1/admin/reports"),
    ("POST", "/v1/admin/reports/1/resolve"),
    ("PUT", "/v1/admin/accounts/1/suspension"),
    ("DELETE", "/v1/admin/accounts/1/suspension"),
    ("PUT", "/v1/admin/posts/1/hidden"),
    ("DELETE", "/v1/admin/posts/1/hidden"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN_PATHS)
def test_what_administrators_do_needs_their_scope(
    api: Api, ada: Person, method: str, path: str
) -> None:
    problem(api.send(method, path), 401, "not-signed-in")
    problem(ada.send(method, path), 403, "not-allowed")


@pytest.fixture
def suspended(ada: Person, bob: Person, admin: Person) -> Person:
    """Ada, whom Bob follows and whose only tweet he liked, reposted and bookmarked."""
    bob.relate("follow", ada)
    post = ada.tweet(f"{new_word()} by ada")
    for how in ("like", "repost", "bookmark"):
        bob.react(how, post)
    expect(admin.put(f"/v1/admin/accounts/{ada.id}/suspension", json={"reason": "spam"}), 204)
    return ada


def test_the_suspended_can_neither_sign_in_nor_command(
    api: Api, suspended: Person, bob: Person
) -> None:
    post = bob.tweet()["id"]
    body = {"handle": suspended.handle, "password": PASSWORD}
    problem(api.send("POST", "/v1/sessions", json=body), 403, "suspended")
    wrong = body | {"password": "not this one"}
    problem(api.send("POST", "/v1/sessions", json=wrong), 401, "wrong-credentials")
    for method, path, sent in (
        ("POST", "/v1/tweets", {"text": "x"}),
        ("POST", f"/v1/posts/{post}/replies", {"text": "x"}),
        ("PUT", f"/v1/posts/{post}/like", None),
        ("PUT", f"/v1/accounts/{bob.id}/follow", None),
        ("PATCH", "/v1/accounts/me", {"bio": "x"}),
    ):
        problem(suspended.send(method, path, json=sent), 403, "suspended")


def test_the_posts_of_the_suspended_are_hidden_from_everybody(
    api: Api, suspended: Person, bob: Person, cleo: Person, admin: Person
) -> None:
    expect(admin.delete(f"/v1/admin/accounts/{suspended.id}/suspension"), 204)
    suspended.sign_in()
    (post,) = suspended.items(f"/v1/accounts/{suspended.id}/posts")
    expect(admin.put(f"/v1/admin/accounts/{suspended.id}/suspension"), 204)
    word = post["text"].split()[0]

    for reader in (api, bob, cleo):
        problem(reader.get(f"/v1/posts/{post['id']}"), 404, "post-not-found")
        assert items_of(reader.get(f"/v1/posts?ids={post['id']}")) == []
        assert items_of(reader.get(f"/v1/search/posts?q={word}")) == []
        public = items_of(reader.get("/v1/timelines/public", params={"limit": 100}))
        assert post["id"] not in ids(public)
        assert items_of(reader.get(f"/v1/accounts/{bob.id}/posts")) == []
    assert bob.home() == []
    assert bob.items("/v1/bookmarks") == []
    problem(bob.put(f"/v1/posts/{post['id']}/like"), 404, "post-not-found")

    expect(admin.delete(f"/v1/admin/accounts/{suspended.id}/suspension"), 204)
    suspended.sign_in()
    assert bob.home() == [post["id"]]
    assert ids(bob.items("/v1/bookmarks")) == [post["id"]]
    expect(api.get(f"/v1/posts/{post['id']}"), 200)
    expect(suspended.post("/v1/tweets", json={"text": "back"}), 201)


def test_a_suspension_may_be_repeated_and_needs_an_account(admin: Person, ada: Person) -> None:
    path = f"/v1/admin/accounts/{ada.id}/suspension"
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        expect(admin.send(method, path), 204)
    problem(admin.put("/v1/admin/accounts/1/suspension"), 404, "account-not-found")


def test_a_hidden_post_is_hidden_from_everybody_until_shown_again(
    api: Api, ada: Person, bob: Person, admin: Person
) -> None:
    bob.relate("follow", ada)
    word = new_word()
    post = ada.tweet(word)
    path = f"/v1/admin/posts/{post['id']}/hidden"

    for _ in range(2):
        expect(admin.put(path, json={"reason": "spam"}), 204)
    for reader in (api, ada, bob):
        problem(reader.get(f"/v1/posts/{post['id']}"), 404, "post-not-found")
        assert items_of(reader.get(f"/v1/search/posts?q={word}")) == []
        assert items_of(reader.get(f"/v1/accounts/{ada.id}/posts")) == []
    assert bob.home() == []
    problem(bob.put(f"/v1/posts/{post['id']}/like"), 404, "post-not-found")

    for _ in range(2):
        expect(admin.delete(path), 204)
    assert bob.home() == [post["id"]]
    problem(admin.put("/v1/admin/posts/1/hidden"), 404, "post-not-found")


def test_a_report_is_filed_listed_and_resolved(ada: Person, bob: Person, admin: Person) -> None:
    post = ada.tweet()
    body = {"reason": "spam", "comment": "Sells things"}
    report = made(bob.post(f"/v1/posts/{post['id']}/reports", json=body))

    (listed,) = [r for r in admin.items("/v1/admin/reports") if r["id"] == report["id"]]
    assert listed["post_id"] == post["id"]
    assert listed["reporter_id"] == bob.id
    assert (listed["reason"], listed["comment"]) == ("spam", "Sells things")

    path = f"/v1/admin/reports/{report['id']}/resolve"
    expect(admin.post(path, json={"resolution": "Was hidden"}), 204)
    assert report["id"] not in ids(admin.items("/v1/admin/reports"))
    assert report["id"] in ids(admin.items("/v1/admin/reports", state="resolved"))
    problem(admin.post("/v1/admin/reports/1/resolve"), 404, "not-found")


def test_a_report_in_ones_own_words_is_resolved_without_any(
    ada: Person, bob: Person, admin: Person
) -> None:
    body = {"reason": "Says bad things"}
    report = made(bob.post(f"/v1/posts/{ada.tweet()['id']}/reports", json=body))

    listed = {one["id"]: one["reason"] for one in admin.items("/v1/admin/reports")}
    assert listed[report["id"]] == "Says bad things"
    expect(admin.post(f"/v1/admin/reports/{report['id']}/resolve"), 204)
    assert report["id"] not in ids(admin.items("/v1/admin/reports"))


def test_a_report_names_a_post_and_a_reason(api: Api, ada: Person, bob: Person) -> None:
    path = f"/v1/posts/{ada.tweet()['id']}/reports"

    problem(bob.post(path, json={}), 422, "invalid")
    problem(bob.post(path, json={"reason": " "}), 422, "invalid")
    problem(bob.post(path, json={"reason": 1}), 422, "invalid")
    for reason in ("spam", "Abusive words", "他在骂我"):
        assert made(bob.post(path, json={"reason": reason}))["reason"] == reason
    problem(bob.post("/v1/posts/1/reports", json={"reason": "spam"}), 404, "post-not-found")
    problem(api.send("POST", path, json={"reason": "spam"}), 401, "not-signed-in")


def test_projections_are_listed_by_name(admin: Person) -> None:
    names = [one["name"] for one in admin.items("/v1/admin/projections")]

    assert sorted(names) == [
        "account_directory",
        "author_timelines",
        "conversations",
        "engagement",
        "follower_graph",
        "home_timelines",
        "moderation",
        "notifications",
        "post_cards",
        "search_index",
        "trends",
    ]
    assert admin.items("/v1/admin/dead-letters") == []


def test_an_unknown_projection_is_404(admin: Person) -> None:
    for work in ("replay", "swap", "rollback", "verify", "repair"):
        problem(admin.post(f"/v1/admin/projections/nothing/{work}"), 404, "not-found")
