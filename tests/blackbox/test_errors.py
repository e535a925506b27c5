"""General: bodies, ids, and the errors that every path has."""

import httpx
import pytest

from tests.blackbox.client import PASSWORD, Api, Person, expect, new_handle, problem

HUGE_ID = str(2**63 - 1)


def test_a_command_without_a_token_is_401_with_www_authenticate(api: Api) -> None:
    answer = api.send("POST", "/v1/tweets", json={"text": "hello"})

    problem(answer, 401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/timelines/home",
        "/v1/notifications",
        "/v1/bookmarks",
        "/v1/blocks",
        "/v1/mutes",
        "/v1/suggestions",
        "/v1/stream",
        "/v1/accounts/me",
        "/v1/relationships?id=1",
    ],
)
def test_what_is_the_readers_own_needs_a_token(api: Api, path: str) -> None:
    answer = api.get(path)

    problem(answer, 401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "token", "Bearer é"],
)
def test_a_bad_token_is_401_also_where_none_is_needed(api: Api, authorization: str) -> None:
    headers = {"Authorization": authorization.encode("latin-1")}

    answer = api.get("/v1/timelines/public", headers=headers)

    problem(answer, 401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_bearer_scheme_is_read_without_case(api: Api, ada: Person) -> None:
    headers = {"Authorization": f"bearer {ada.session['access_token']}"}

    expect(api.get("/v1/accounts/me", headers=headers), 200)


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v2/tweets", "/v1/posts/1/nothing", "/v1/posts/abc", "/v1/posts/-1"]
)
def test_what_is_nowhere_is_404(api: Api, path: str) -> None:
    problem(api.get(path), 404, "not-found")


@pytest.mark.parametrize("number", ["0", "1", HUGE_ID, "9" * 19, "9" * 30])
def test_an_id_that_nothing_has_is_404(ada: Person, number: str) -> None:
    problem(ada.get(f"/v1/posts/{number}"), 404, "post-not-found")
    problem(ada.get(f"/v1/posts/{number}/conversation"), 404, "post-not-found")
    problem(ada.get(f"/v1/posts/{number}/likes"), 404, "post-not-found")
    problem(ada.get(f"/v1/posts/{number}/history"), 404, "post-not-found")
    problem(ada.put(f"/v1/posts/{number}/like"), 404, "post-not-found")
    problem(ada.delete(f"/v1/tweets/{number}"), 404, "post-not-found")
    problem(ada.post(f"/v1/posts/{number}/replies", json={"text": "x"}), 404, "post-not-found")
    problem(ada.get(f"/v1/accounts/{number}"), 404, "account-not-found")
    problem(ada.get(f"/v1/accounts/{number}/posts"), 404, "account-not-found")
    problem(ada.get(f"/v1/accounts/{number}/followers"), 404, "account-not-found")
    problem(ada.put(f"/v1/accounts/{number}/follow"), 404, "account-not-found")


def test_a_handle_that_nobody_has_is_404(api: Api) -> None:
    problem(api.get(f"/v1/accounts/by-handle/{new_handle()}"), 404, "account-not-found")


def test_a_method_that_a_path_lacks_is_405_with_allow(ada: Person) -> None:
    answer = ada.put("/v1/tweets")

    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "raw",
    [b"{", b'{"text": }', b"\xff\xfe", b'{"text": "\xff"}', b'{"text": "\\ud800"}'],
)
def test_a_body_that_cannot_be_read_is_400(ada: Person, raw: bytes) -> None:
    answer = ada.post("/v1/tweets", content=raw, headers={"Content-Type": "application/json"})

    problem(answer, 400, "malformed")


def test_deep_json_is_refused(ada: Person) -> None:
    for raw in (b"[" * 50_000, b'{"text":' + b'{"a":' * 10_000, b'{"x":' + b"[" * 50_000):
        answer = ada.post("/v1/tweets", content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/text"),
        ({"text": 1}, "/text"),
        ({"text": None}, "/text"),
        ({"text": ""}, "/text"),
        ({"text": " \n "}, "/text"),
        ({"text": "x" * 281}, "/text"),
        ({"text": "nul \0"}, "/text"),
        ({"text": "x", "colour": "red"}, "/colour"),
        ({"text": "x", "quote_of_id": "abc"}, "/quote_of_id"),
        ({"text": "x", "quote_of_id": -1}, "/quote_of_id"),
        ({"text": "x", "media_ids": ["1"]}, "/media_ids"),
        ([], ""),
        ("text", ""),
    ],
)
def test_what_breaks_a_rule_is_422_and_says_where(ada: Person, body: object, pointer: str) -> None:
    document = problem(ada.post("/v1/tweets", json=body), 422, "invalid")

    assert [error["pointer"] for error in document["errors"]] == [pointer]
    assert all(error["detail"] for error in document["errors"])


def test_unknown_fields_are_refused_by_every_body(ada: Person, bob: Person) -> None:
    post = ada.tweet()["id"]
    match = {"If-Match": '"1"'}
    for answer in (
        ada.api.send(
            "POST",
            "/v1/accounts",
            json={"handle": new_handle(), "password": PASSWORD, "extra": 1},
        ),
        ada.api.send(
            "POST",
            "/v1/sessions",
            json={"handle": ada.handle, "password": PASSWORD, "extra": 1},
        ),
        ada.api.send("POST", "/v1/sessions/refresh", json={"refresh_token": "x", "extra": 1}),
        ada.patch("/v1/accounts/me", json={"extra": 1}),
        ada.patch("/v1/accounts/me", json={"handle": new_handle()}),
        ada.post("/v1/tweets", json={"text": "x", "extra": 1}),
        ada.patch(f"/v1/tweets/{post}", json={"text": "x", "extra": 1}, headers=match),
        ada.post(f"/v1/posts/{post}/replies", json={"text": "x", "extra": 1}),
        bob.post(f"/v1/posts/{post}/reports", json={"reason": "spam", "extra": 1}),
        ada.post("/v1/impressions", json={"post_ids": [post], "extra": 1}),
        ada.put("/v1/notifications/read", json={"up_to_id": "1", "extra": 1}),
    ):
        problem(answer, 422, "invalid")


def test_another_media_type_is_415(ada: Person) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = ada.post("/v1/tweets", content=b'{"text":"x"}', headers={"Content-Type": kind})
        problem(answer, 415, "unsupported-media-type")


def test_json_with_a_charset_is_json(ada: Person) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}

    expect(ada.post("/v1/tweets", content=b'{"text":"x"}', headers=headers), 201)


def test_a_large_body_is_413(ada: Person) -> None:
    problem(ada.post("/v1/tweets", json={"text": "x" * 1_000_000}), 413, "too-large")


def test_a_large_body_without_a_length_is_413(ada: Person) -> None:
    chunks = (b'{"text":"' if n == 0 else b"x" * 1_000 for n in range(1_000))

    try:
        answer = ada.post(
            "/v1/tweets", content=chunks, headers={"Content-Type": "application/json"}
        )
    except httpx.TransportError:  # it may close the connection before all of it was sent
        return

    problem(answer, 413, "too-large")


def test_a_problems_type_can_be_looked_up(api: Api) -> None:
    kind = api.get("/v1/nothing").json()["type"]

    expect(api.get(kind), 200)


def test_every_answer_has_a_request_id_of_its_own(api: Api, ada: Person) -> None:
    answers = [
        api.get("/v1/timelines/public"),
        api.get("/v1/nothing"),
        api.send("POST", "/v1/tweets"),
        api.send("PUT", "/v1/tweets"),
        ada.post("/v1/tweets", json={"text": "x"}),
        api.get("/livez"),
    ]

    named = [answer.headers["Request-Id"] for answer in answers]
    assert len(set(named)) == len(answers)


def test_a_head_request_gets_the_header_of_the_get(api: Api, ada: Person) -> None:
    post = ada.tweet()

    head = expect(api.send("HEAD", f"/v1/posts/{post['id']}"), 200)

    assert head.content == b""
    assert head.headers["ETag"] == api.get(f"/v1/posts/{post['id']}").headers["ETag"]


def test_options_says_what_a_path_takes(api: Api) -> None:
    answer = api.send("OPTIONS", "/v1/tweets")

    assert answer.status_code in {200, 204}
    assert "POST" in answer.headers["Allow"]
