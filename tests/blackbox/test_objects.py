"""Objects: exactly the fields of the contract."""

import re

import pytest

from tests.blackbox.client import Api, Json, Person, expect, made, new_handle

POST = {
    "id",
    "kind",
    "author_id",
    "text",
    "created_at",
    "edited_at",
    "version",
    "in_reply_to_id",
    "in_reply_to_author_id",
    "conversation_id",
    "quote_of_id",
    "entities",
    "media",
    "counts",
}
ACCOUNT = {"id", "handle", "display_name", "bio", "avatar_url", "created_at", "counts"}
COUNTS = {"replies", "reposts", "likes", "quotes"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def assert_post(post: Json, *, viewer: bool, more: frozenset[str] = frozenset()) -> None:
    assert post.keys() == POST | more | ({"viewer"} if viewer else set())
    for name in ("id", "author_id", "conversation_id"):
        assert re.fullmatch("[0-9]+", post[name])
    assert TIME.fullmatch(post["created_at"])
    assert post["counts"].keys() == COUNTS
    assert post["entities"].keys() == {"hashtags", "mentions", "urls"}
    assert post["media"] == []
    if viewer:
        assert post["viewer"].keys() == {"liked", "reposted", "bookmarked"}


def test_a_new_tweet_is_a_whole_post(ada: Person) -> None:
    answer = ada.post("/v1/tweets", json={"text": "hello"})
    post = made(answer)

    assert_post(post, viewer=True)
    assert post["kind"] == "tweet"
    assert post["author_id"] == ada.id
    assert post["text"] == "hello"
    assert post["version"] == 1
    assert post["conversation_id"] == post["id"]
    for name in ("edited_at", "in_reply_to_id", "in_reply_to_author_id", "quote_of_id"):
        assert post[name] is None
    assert post["counts"] == dict.fromkeys(COUNTS, 0)
    assert answer.headers["Location"].endswith(f"/v1/posts/{post['id']}")
    assert ada.get(answer.headers["Location"]).json() == post


def test_a_new_reply_says_what_it_answers(ada: Person, bob: Person) -> None:
    root = ada.tweet()
    reply = bob.reply(root)
    nested = ada.reply(reply)

    assert_post(reply, viewer=True)
    assert reply["kind"] == "reply"
    assert (reply["in_reply_to_id"], reply["in_reply_to_author_id"]) == (root["id"], ada.id)
    assert (nested["in_reply_to_id"], nested["in_reply_to_author_id"]) == (reply["id"], bob.id)
    assert reply["conversation_id"] == nested["conversation_id"] == root["id"]
    assert reply["quote_of_id"] is None


def test_without_a_token_no_post_and_no_account_has_a_viewer(api: Api, ada: Person) -> None:
    post = ada.tweet()
    ada.reply(post)

    assert_post(api.get(f"/v1/posts/{post['id']}").json(), viewer=False)
    assert api.get(f"/v1/accounts/{ada.id}").json().keys() == ACCOUNT
    for path in (f"/v1/accounts/{ada.id}/posts", f"/v1/posts?ids={post['id']}"):
        page = api.get(path).json()
        assert "viewer" not in page["items"][0]
        assert all("viewer" not in account for account in page["includes"]["accounts"])
    conversation = api.get(f"/v1/posts/{post['id']}/conversation").json()
    assert "viewer" not in conversation["post"]
    assert "viewer" not in conversation["replies"][0]


def test_a_viewer_says_what_the_reader_did_with_a_post(ada: Person, bob: Person) -> None:
    post = ada.tweet()
    for how, name in (("like", "liked"), ("repost", "reposted"), ("bookmark", "bookmarked")):
        bob.react(how, post)
        assert bob.get(f"/v1/posts/{post['id']}").json()["viewer"][name] is True
        assert ada.get(f"/v1/posts/{post['id']}").json()["viewer"][name] is False
        bob.unreact(how, post)
        assert bob.get(f"/v1/posts/{post['id']}").json()["viewer"][name] is False


def test_counts_follow_what_happens(api: Api, ada: Person, bob: Person) -> None:
    post = ada.tweet()

    def counts() -> Json:
        found: Json = api.get(f"/v1/posts/{post['id']}").json()["counts"]
        return found

    bob.react("like", post)
    bob.react("like", post)
    ada.react("like", post)
    bob.react("repost", post)
    reply = bob.reply(post)
    quote = bob.tweet("look", quote_of_id=post["id"])
    ada.reply(reply)
    assert counts() == {"replies": 1, "reposts": 1, "likes": 2, "quotes": 1}

    bob.unreact("like", post)
    bob.unreact("repost", post)
    expect(bob.delete(f"/v1/replies/{reply['id']}"), 204)
    expect(bob.delete(f"/v1/tweets/{quote['id']}"), 204)
    assert counts() == {"replies": 0, "reposts": 0, "likes": 1, "quotes": 0}


def test_an_account_has_exactly_these_fields(ada: Person, bob: Person) -> None:
    own = ada.get("/v1/accounts/me").json()

    assert own.keys() == ACCOUNT | {"viewer"}
    assert own["counts"] == {"tweets": 0, "followers": 0, "following": 0}
    assert own["viewer"] == dict.fromkeys(
        ("following", "followed_by", "blocking", "blocked_by", "muting"), False
    )
    assert TIME.fullmatch(own["created_at"])
    assert own["bio"] == ""
    assert own["avatar_url"] is None


def test_an_accounts_counts_and_viewer_follow_what_happens(ada: Person, bob: Person) -> None:
    ada.relate("follow", bob)
    ada.relate("follow", bob)
    ada.relate("mute", bob)
    ada.reply(ada.tweet())

    seen = expect(bob.get(f"/v1/accounts/{ada.id}"), 200).json()
    assert seen["counts"]["following"] == 1
    assert seen["counts"]["tweets"] == 1
    assert seen["viewer"]["followed_by"] is True
    assert seen["viewer"]["following"] is False
    seen = expect(ada.get(f"/v1/accounts/{bob.id}"), 200).json()
    assert seen["counts"]["followers"] == 1
    assert seen["viewer"]["following"] is True
    assert seen["viewer"]["muting"] is True


def test_entities_are_every_occurrence_in_order_with_offsets_in_code_points(
    ada: Person, bob: Person
) -> None:
    nobody = new_handle()
    text = (
        f"👩‍👩‍👧 #One 今天 @{bob.handle} \U0001d4b3 #one @{nobody} https://example.com/a?b=c"
        f" #天气 @{bob.handle.upper()} example.org"
    )
    entities = ada.tweet(text)["entities"]

    def said(kind: str) -> list[str]:
        return [text[entity["start"] : entity["end"]] for entity in entities[kind]]

    assert said("hashtags") == ["#One", "#one", "#天气"]
    assert [entity["tag"] for entity in entities["hashtags"]] == ["One", "one", "天气"]
    assert said("mentions") == [f"@{bob.handle}", f"@{nobody}", f"@{bob.handle.upper()}"]
    accounts = [entity["account_id"] for entity in entities["mentions"]]
    assert accounts == [bob.id, None, bob.id]
    handles = [entity["handle"] for entity in entities["mentions"]]
    assert handles == [bob.handle, nobody, bob.handle.upper()]
    assert said("urls") == ["https://example.com/a?b=c", "example.org"]
    assert [entity["url"] for entity in entities["urls"]] == said("urls")
    for kind, name in (("hashtags", {"tag"}), ("mentions", {"handle", "account_id"})):
        assert all(entity.keys() == name | {"start", "end"} for entity in entities[kind])


@pytest.mark.parametrize(
    "text",
    [
        "x" * 280,
        "今" * 140,
        "👩‍👩‍👧‍👦" * 140,
        "https://example.com/" + "x" * 1_000 + " " + "y" * 256,
        " lead and trail ",
        "two\nlines",
        "é e\u0301",
        "\u202b שלום",
    ],
)
def test_a_text_of_280_weighted_characters_comes_back_as_it_was(ada: Person, text: str) -> None:
    assert ada.tweet(text)["text"] == text


@pytest.mark.parametrize(
    "text",
    [
        "x" * 281,
        "今" * 141,
        "👩‍👩‍👧‍👦" * 141,
        "https://example.com/" + "x" * 1_000 + " " + "y" * 257,
    ],
)
def test_more_than_280_weighted_characters_are_422(ada: Person, text: str) -> None:
    expect(ada.post("/v1/tweets", json={"text": text}), 422)


def test_a_timeline_item_is_a_post_and_where_it_stands(
    ada: Person, bob: Person, cleo: Person
) -> None:
    cleo.relate("follow", bob)
    post = ada.tweet()
    bob.react("repost", post)

    (item,) = cleo.items("/v1/timelines/home")

    assert_post(item, viewer=True, more=frozenset({"item_id", "reposted_by_id"}))
    assert item["id"] == post["id"]
    assert item["reposted_by_id"] == bob.id
    assert int(item["item_id"]) > int(post["id"])
    own = ada.items(f"/v1/accounts/{ada.id}/posts")[0]
    assert (own["item_id"], own["reposted_by_id"]) == (post["id"], None)


def test_includes_hold_who_and_what_the_items_refer_to(
    ada: Person, bob: Person, cleo: Person
) -> None:
    cleo.relate("follow", bob)
    quoted = ada.tweet()
    bob.tweet("look", quote_of_id=quoted["id"])
    other = ada.tweet()
    bob.react("repost", other)

    page = cleo.get("/v1/timelines/home").json()

    assert page.keys() == {"items", "includes"}
    assert page["includes"].keys() == {"accounts", "posts"}
    assert {account["id"] for account in page["includes"]["accounts"]} == {ada.id, bob.id}
    assert [post["id"] for post in page["includes"]["posts"]] == [quoted["id"]]
    for account in page["includes"]["accounts"]:
        assert account.keys() == ACCOUNT | {"viewer"}
