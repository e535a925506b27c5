"""Reads: search for posts and for people."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.blackbox.client import Api, Person, expect, ids, items_of, new_word, problem, walk


def found(api: Api | Person, query: str, **params: str) -> list[str]:
    return ids(items_of(api.get("/v1/search/posts", params={"q": query, **params})))


def test_every_word_is_looked_for_newest_first(api: Api, ada: Person) -> None:
    one, two = new_word(), new_word()
    both = ada.tweet(f"{one} and {two}")["id"]
    first = ada.tweet(f"only {one.upper()}!")["id"]

    assert found(api, one) == [first, both]
    assert found(api, f"{two} {one}") == [both]
    assert found(api, f"{one} {new_word()}") == []


def test_a_phrase_stands_side_by_side(api: Api, ada: Person) -> None:
    one, two = new_word(), new_word()
    near = ada.tweet(f"so {one} {two} it is")["id"]
    far = ada.tweet(f"{two} is {one}")["id"]

    assert found(api, f'"{one} {two}"') == [near]
    assert found(api, f'"{two} {one}"') == []
    assert found(api, f"{one} {two}") == [far, near]


def test_a_minus_excludes(api: Api, ada: Person) -> None:
    one, two = new_word(), new_word()
    ada.tweet(f"{one} {two}")
    without = ada.tweet(one)["id"]

    assert found(api, f"{one} -{two}") == [without]
    assert found(api, f"-{two}") == []


def test_a_tag_is_a_hashtag_and_not_a_word(api: Api, ada: Person) -> None:
    word = new_word()
    ada.tweet(f"the word {word}")
    tagged = ada.tweet(f"the tag #{word.title()}")["id"]
    ada.tweet(f"another tag #{word}s")

    assert found(api, f"#{word}") == [tagged]


def test_from_means_the_author(api: Api, ada: Person, bob: Person) -> None:
    word = new_word()
    mine = ada.tweet(f"{word} mine")["id"]
    bob.tweet(f"{word} @{ada.handle}")

    assert found(api, f"{word} from:{ada.handle}") == [mine]
    assert found(api, f"{word} from:{ada.handle.upper()}") == [mine]
    assert found(api, f"from:@{ada.handle}") == [mine]
    assert found(api, f"{word} from:{new_word()}") == []


def test_since_and_until_are_days(api: Api, ada: Person) -> None:
    word = new_word()
    post = ada.tweet(word)
    today = datetime.fromisoformat(post["created_at"]).astimezone(UTC).date()
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)

    assert found(api, f"{word} since:{today}") == [post["id"]]
    assert found(api, f"{word} since:{tomorrow}") == []
    assert found(api, f"{word} until:{tomorrow}") == [post["id"]]
    assert found(api, f"{word} until:{today}") == []
    assert found(api, f"{word} since:{yesterday} until:{tomorrow}") == [post["id"]]


def test_has_media_matches_nothing(api: Api, ada: Person) -> None:
    word = new_word()
    ada.tweet(f"{word} https://example.com/a.png")

    assert found(api, f"{word} has:media") == []
    assert found(api, "has:media") == []


def test_text_without_spaces_is_found_by_its_words(api: Api, ada: Person) -> None:
    post = ada.tweet("今天天气真好")["id"]
    japanese = ada.tweet("東京特許許可局で働く")["id"]

    by = f" from:{ada.handle}"
    for query in ("天气", "今天", "今天天气", '"天气"'):
        assert found(api, query + by) == [post]
    for query in ("東京", "許可局"):
        assert found(api, query + by) == [japanese]
    assert found(api, "明天" + by) == []


@pytest.mark.embedded  # the other ranks by which words are there, not by how often
def test_relevance_is_another_order(api: Api, ada: Person) -> None:
    one, two = new_word(), new_word()
    better = ada.tweet(f"{one} {two} {one} {two}")["id"]
    ada.tweet(f"{one} and a great many other words that have nothing to do with it at all {two}")

    assert found(api, f"{one} {two}", sort="relevance")[0] == better
    assert found(api, f"{one} {two}")[0] != better
    problem(api.get("/v1/search/posts", params={"q": one, "sort": "other"}), 422, "invalid")


def test_replies_edits_and_deletions_are_followed(api: Api, ada: Person) -> None:
    word, new = new_word(), new_word()
    tweet = ada.tweet(word)
    reply = ada.reply(tweet, f"{word} too")
    assert found(api, word) == [reply["id"], tweet["id"]]

    headers = {"If-Match": '"1"'}
    expect(ada.patch(f"/v1/tweets/{tweet['id']}", json={"text": new}, headers=headers), 200)
    assert (found(api, word), found(api, new)) == ([reply["id"]], [tweet["id"]])
    expect(ada.delete(f"/v1/replies/{reply['id']}"), 204)
    assert found(api, word) == []


def test_newest_results_page_by_id(api: Api, ada: Person) -> None:
    word = new_word()
    posts = [ada.tweet(f"{word} {n}")["id"] for n in range(12)][::-1]

    assert ids(walk(api, "/v1/search/posts", q=word, limit=5)) == posts
    assert found(api, word, max_id=posts[3], limit="2") == posts[4:6]
    assert found(api, word, since_id=posts[3]) == posts[:3]
    assert found(api, word, min_id=posts[3], limit="2") == posts[1:3]


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        '"',
        "-",
        "#",
        "*",
        "a* OR (b",
        'NEAR("a" "b")',
        "from:",
        "since:yesterday",
        "since:2020-13-45",
        "a" * 10_000,
        "\\",
        "'; DROP TABLE posts; --",
        "🐙",
        "\u202e",
        "AND",
        '" " "',
    ],
)
def test_whatever_is_typed_is_answered(api: Api, query: str) -> None:
    for path in ("/v1/search/posts", "/v1/search/accounts"):
        answer = api.send("GET", path, params={"q": query})
        expect(answer, 200)
    expect(api.get("/v1/search/posts", params={"q": query, "sort": "relevance"}), 200)


def test_a_search_needs_a_query(api: Api) -> None:
    problem(api.get("/v1/search/posts"), 422, "invalid")
    problem(api.get("/v1/search/accounts"), 422, "invalid")


def test_people_are_found_by_handle_and_name(api: Api) -> None:
    name = new_word()
    person = api.person(display_name=f"Grace {name.title()}")
    path = "/v1/search/accounts"

    for query in (
        person.handle,
        f"@{person.handle}",
        person.handle[:-2],
        person.handle.upper(),
        name,
        name[:8],
        f"grace {name}",
    ):
        assert ids(items_of(api.get(path, params={"q": query}))) == [person.id], query
    expect(person.patch("/v1/accounts/me", json={"display_name": "Hopper"}), 200)
    assert items_of(api.get(path, params={"q": name})) == []
