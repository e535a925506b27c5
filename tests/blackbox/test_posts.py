"""Commands on posts, and the reads of single posts: edits, history, entity tags, deletion."""

import pytest

from tests.blackbox.client import Api, Person, expect, ids, items_of, made, problem


def test_an_edit_makes_a_new_version_and_keeps_the_old_ones(api: Api, ada: Person) -> None:
    post = ada.tweet("first #one")
    path = f"/v1/tweets/{post['id']}"
    for version, text in ((1, "second #two"), (2, "third #three")):
        answer = ada.patch(path, json={"text": text}, headers={"If-Match": f'"{version}"'})
        changed = expect(answer, 200).json()
        assert (changed["version"], changed["text"]) == (version + 1, text)
        assert changed["edited_at"] > post["created_at"]
        assert changed["created_at"] == post["created_at"]
        assert changed.keys() == post.keys()
        assert ada.get(f"/v1/posts/{post['id']}").json() == changed

    history = items_of(api.get(f"/v1/posts/{post['id']}/history"))
    texts = [(version["version"], version["text"]) for version in history]
    assert sorted(texts) == [(1, "first #one"), (2, "second #two"), (3, "third #three")]
    tags = api.get(f"/v1/posts/{post['id']}").json()["entities"]["hashtags"]
    assert [tag["tag"] for tag in tags] == ["three"]


def test_a_reply_is_edited_alike(ada: Person, bob: Person) -> None:
    reply = bob.reply(ada.tweet())
    path = f"/v1/replies/{reply['id']}"

    changed = expect(bob.patch(path, json={"text": "new"}, headers={"If-Match": '"1"'}), 200)

    assert (changed.json()["text"], changed.json()["version"]) == ("new", 2)
    problem(bob.patch(path, json={"text": "x"}, headers={"If-Match": '"1"'}), 412, "stale-version")


def test_an_edit_needs_if_match(ada: Person) -> None:
    post = ada.tweet()

    problem(ada.patch(f"/v1/tweets/{post['id']}", json={"text": "x"}), 428, "version-required")


def test_an_edit_of_an_older_version_is_412(ada: Person) -> None:
    post = ada.tweet()
    path = f"/v1/tweets/{post['id']}"
    expect(ada.patch(path, json={"text": "x"}, headers={"If-Match": '"1"'}), 200)

    for stale in ('"1"', '"3"', '"0"', '"nonsense"', '"99999999999999999999"'):
        answer = ada.patch(path, json={"text": "y"}, headers={"If-Match": stale})
        problem(answer, 412, "stale-version")
    assert ada.get(f"/v1/posts/{post['id']}").json()["text"] == "x"


def test_only_the_version_part_of_an_etag_counts(ada: Person, bob: Person) -> None:
    post = ada.tweet()
    path = f"/v1/tweets/{post['id']}"
    etag = ada.get(f"/v1/posts/{post['id']}").headers["ETag"]
    bob.react("like", post)
    assert ada.get(f"/v1/posts/{post['id']}").headers["ETag"] != etag

    expect(ada.patch(path, json={"text": "x"}, headers={"If-Match": etag}), 200)

    problem(ada.patch(path, json={"text": "y"}, headers={"If-Match": etag}), 412, "stale-version")
    etag = ada.get(f"/v1/posts/{post['id']}").headers["ETag"]
    assert etag.startswith('"2.')
    for good in (etag, '"3"', '"9", "4"'):
        expect(ada.patch(path, json={"text": "z"}, headers={"If-Match": good}), 200)


def test_an_edit_is_the_authors_alone(api: Api, ada: Person, bob: Person) -> None:
    post, reply = ada.tweet(), ada.reply(ada.tweet())
    headers = {"If-Match": '"1"'}
    body = {"text": "mine now"}

    for kind, target in (("tweets", post), ("replies", reply)):
        path = f"/v1/{kind}/{target['id']}"
        problem(bob.patch(path, json=body, headers=headers), 403, "not-allowed")
        problem(bob.delete(path), 403, "not-allowed")
        problem(api.send("PATCH", path, json=body, headers=headers), 401, "not-signed-in")
        problem(api.send("DELETE", path), 401, "not-signed-in")


def test_tweets_and_replies_have_paths_of_their_own(ada: Person) -> None:
    tweet = ada.tweet()
    reply = ada.reply(tweet)

    problem(ada.delete(f"/v1/replies/{tweet['id']}"), 404, "post-not-found")
    problem(ada.delete(f"/v1/tweets/{reply['id']}"), 404, "post-not-found")
    headers = {"If-Match": '"1"'}
    answer = ada.patch(f"/v1/replies/{tweet['id']}", json={"text": "x"}, headers=headers)
    problem(answer, 404, "post-not-found")


def test_a_deleted_post_is_gone_and_deleting_it_again_is_404(
    api: Api, ada: Person, bob: Person
) -> None:
    bob.relate("follow", ada)
    tweet = ada.tweet()
    reply = ada.reply(tweet)
    for kind, post in (("replies", reply), ("tweets", tweet)):
        expect(ada.delete(f"/v1/{kind}/{post['id']}"), 204)
        problem(ada.delete(f"/v1/{kind}/{post['id']}"), 404, "post-not-found")
        problem(api.get(f"/v1/posts/{post['id']}"), 404, "post-not-found")
        for how in ("like", "repost", "bookmark"):
            problem(bob.put(f"/v1/posts/{post['id']}/{how}"), 404, "post-not-found")
        answer = bob.post(f"/v1/posts/{post['id']}/replies", json={"text": "x"})
        problem(answer, 404, "post-not-found")
        headers = {"If-Match": '"1"'}
        answer = ada.patch(f"/v1/{kind}/{post['id']}", json={"text": "x"}, headers=headers)
        problem(answer, 404, "post-not-found")
    quote = {"text": "look", "quote_of_id": tweet["id"]}
    problem(bob.post("/v1/tweets", json=quote), 404, "post-not-found")
    assert bob.home() == []
    assert items_of(api.get(f"/v1/posts?ids={tweet['id']},{reply['id']}")) == []


def test_an_etag_answers_304_until_something_shown_changes(ada: Person, bob: Person) -> None:
    post = ada.tweet()
    path = f"/v1/posts/{post['id']}"
    etag = ada.get(path).headers["ETag"]
    assert etag.startswith('"1.')

    for if_none_match in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        same = ada.get(path, headers={"If-None-Match": if_none_match})
        expect(same, 304)
        assert same.content == b""
        assert same.headers["ETag"] == etag
    for other in ('"x"', '"1"'):
        expect(ada.get(path, headers={"If-None-Match": other}), 200)
    bob.react("like", post)
    changed = expect(ada.get(path, headers={"If-None-Match": etag}), 200)
    assert changed.headers["ETag"] != etag


def test_a_quote_is_a_tweet_that_names_a_post(ada: Person, bob: Person) -> None:
    tweet = ada.tweet()
    reply = ada.reply(tweet)
    for quoted in (tweet, reply):
        quote = bob.tweet("look", quote_of_id=quoted["id"])
        assert (quote["kind"], quote["quote_of_id"]) == ("tweet", quoted["id"])
        page = ada.get(f"/v1/accounts/{bob.id}/posts").json()
        assert quote["id"] in ids(page["items"])
        assert quoted["id"] in ids(page["includes"]["posts"])
    problem(bob.post("/v1/tweets", json={"text": "x", "quote_of_id": "1"}), 404, "post-not-found")
    assert made(bob.post("/v1/tweets", json={"text": "x", "quote_of_id": None}))


def test_a_quote_of_a_deleted_post_stays(ada: Person, bob: Person) -> None:
    tweet = ada.tweet()
    quote = bob.tweet("look", quote_of_id=tweet["id"])
    expect(ada.delete(f"/v1/tweets/{tweet['id']}"), 204)

    page = bob.get(f"/v1/accounts/{bob.id}/posts").json()

    assert page["items"][0]["id"] == quote["id"]
    assert page["items"][0]["quote_of_id"] == tweet["id"]
    assert page["includes"]["posts"] == []


def test_posts_are_read_by_ids_at_most_100(api: Api, ada: Person) -> None:
    first, second = ada.tweet()["id"], ada.tweet()["id"]

    for params in (
        [("ids", f"{second},{first},1")],
        [("ids", second), ("ids", first), ("ids", "1")],
        [("ids", f"{second},{second},{first}")],
    ):
        found = api.send("GET", "/v1/posts", params=params)
        assert ids(items_of(found)) == [second, first]
    many = ",".join(str(n) for n in range(1, 102))
    problem(api.get(f"/v1/posts?ids={many}"), 422, "invalid")
    problem(api.get(f"/v1/accounts?ids={many}"), 422, "invalid")
    expect(api.get(f"/v1/posts?ids={many.rpartition(',')[0]}"), 200)
    for bad in ("", "x", "1,,2", "-1"):
        problem(api.get(f"/v1/posts?ids={bad}"), 422, "invalid")
    problem(api.get("/v1/posts"), 422, "invalid")


@pytest.mark.parametrize("how", ["like", "repost", "bookmark"])
def test_a_toggle_may_be_repeated(ada: Person, bob: Person, how: str) -> None:
    post = ada.tweet()

    for _ in range(2):
        bob.react(how, post)
    for _ in range(2):
        bob.unreact(how, post)
    bob.react(how, post)
    ada.react(how, post)


def test_who_likes_and_who_reposts_a_post(api: Api, ada: Person, bob: Person) -> None:
    post = ada.tweet()
    for how in ("like", "repost"):
        ada.react(how, post)
        bob.react(how, post)
        assert ids(items_of(api.get(f"/v1/posts/{post['id']}/{how}s"))) == [bob.id, ada.id]
        bob.unreact(how, post)
        assert ids(items_of(api.get(f"/v1/posts/{post['id']}/{how}s"))) == [ada.id]


def test_bookmarks_are_the_readers_own_newest_first(ada: Person, bob: Person) -> None:
    posts = [ada.tweet() for _ in range(3)]
    for post in posts[::-1]:
        bob.react("bookmark", post)

    assert ids(bob.items("/v1/bookmarks")) == ids(posts)
    assert bob.items("/v1/bookmarks")[0]["viewer"]["bookmarked"] is True
    assert ada.items("/v1/bookmarks") == []
    bob.unreact("bookmark", posts[1])
    expect(ada.delete(f"/v1/tweets/{posts[0]['id']}"), 204)
    assert ids(bob.items("/v1/bookmarks")) == [posts[2]["id"]]
