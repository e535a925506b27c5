"""General: the Idempotency-Key on every command."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.blackbox.client import (
    PASSWORD,
    Api,
    Person,
    expect,
    ids,
    made,
    new_handle,
    problem,
)

REPLAYED = "Idempotency-Replayed"


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def assert_replays(first: httpx.Response, second: httpx.Response) -> None:
    assert second.status_code == first.status_code
    assert second.content == first.content
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert second.headers.get("Location") == first.headers.get("Location")
    assert second.headers.get("Content-Type") == first.headers.get("Content-Type")


def test_the_same_key_and_body_makes_one_tweet(ada: Person) -> None:
    key = keyed()
    first = ada.post("/v1/tweets", json={"text": "once"}, headers=key)
    second = ada.post("/v1/tweets", json={"text": "once"}, headers=key)

    assert_replays(first, second)
    assert second.headers["Consistency-Token"]
    assert ids(ada.items(f"/v1/accounts/{ada.id}/posts")) == [made(first)["id"]]


def test_another_body_with_the_key_is_422(ada: Person) -> None:
    key = keyed()
    made(ada.post("/v1/tweets", json={"text": "once"}, headers=key))

    other = ada.post("/v1/tweets", json={"text": "twice"}, headers=key)

    problem(other, 422, "idempotency-key-reused")


def test_another_command_with_the_key_is_422(ada: Person) -> None:
    key = keyed()
    one, other = ada.tweet(), ada.tweet()
    expect(ada.put(f"/v1/posts/{one['id']}/like", headers=key), 204)

    problem(ada.put(f"/v1/posts/{other['id']}/like", headers=key), 422, "idempotency-key-reused")
    problem(ada.delete(f"/v1/posts/{one['id']}/like", headers=key), 422, "idempotency-key-reused")


def test_keys_of_two_people_have_nothing_to_do_with_each_other(ada: Person, bob: Person) -> None:
    key = keyed()
    first = ada.post("/v1/tweets", json={"text": "mine"}, headers=key)
    second = bob.post("/v1/tweets", json={"text": "also mine"}, headers=key)

    assert made(first)["id"] != made(second)["id"]


def test_a_toggle_repeats_its_204(ada: Person, bob: Person) -> None:
    post = ada.tweet()["id"]
    paths = [f"/v1/posts/{post}/{how}" for how in ("like", "repost", "bookmark")]
    paths += [f"/v1/accounts/{ada.id}/{how}" for how in ("follow", "mute", "block")]
    for path in paths:
        for method in ("PUT", "DELETE"):
            key = keyed()
            first = bob.send(method, path, headers=key)
            assert_replays(expect(first, 204), bob.send(method, path, headers=key))


def test_a_replay_does_not_repeat_the_effect(ada: Person) -> None:
    post, key = ada.tweet(), keyed()
    expect(ada.put(f"/v1/posts/{post['id']}/like", headers=key), 204)
    ada.unreact("like", post)

    expect(ada.put(f"/v1/posts/{post['id']}/like", headers=key), 204)

    assert ada.get(f"/v1/posts/{post['id']}").json()["counts"]["likes"] == 0


def test_every_command_takes_a_key(ada: Person, bob: Person, admin: Person) -> None:
    post = ada.tweet()["id"]
    matched = {"If-Match": '"1"'}
    password = {"current_password": PASSWORD, "new_password": "another password"}
    commands: list[tuple[Person, str, str, object, dict[str, str]]] = [
        (ada, "PATCH", "/v1/accounts/me", {"bio": "new"}, {}),
        (ada, "PATCH", f"/v1/tweets/{post}", {"text": "edited"}, matched),
        (bob, "POST", f"/v1/posts/{post}/replies", {"text": "hi"}, {}),
        (bob, "POST", f"/v1/posts/{post}/reports", {"reason": "spam"}, {}),
        (bob, "POST", "/v1/impressions", {"post_ids": [post]}, {}),
        (ada, "PUT", "/v1/notifications/read", {"up_to_id": post}, {}),
        (admin, "PUT", f"/v1/admin/posts/{post}/hidden", None, {}),
        (admin, "DELETE", f"/v1/admin/posts/{post}/hidden", None, {}),
        (admin, "PUT", f"/v1/admin/accounts/{bob.id}/suspension", {"reason": "x"}, {}),
        (admin, "DELETE", f"/v1/admin/accounts/{bob.id}/suspension", None, {}),
        (ada, "PUT", "/v1/accounts/me/password", password, {}),
        (ada, "DELETE", f"/v1/tweets/{post}", None, {}),
    ]
    for person, method, path, body, headers in commands:
        key = keyed() | headers
        first = person.send(method, path, json=body, headers=key)
        assert first.is_success, f"{method} {path}: {first.text}"
        assert_replays(first, person.send(method, path, json=body, headers=key))


def test_sign_up_is_keyed_by_handle(api: Api) -> None:
    key = keyed()
    body = {"handle": new_handle(), "password": PASSWORD}
    first = expect(api.send("POST", "/v1/accounts", json=body, headers=key), 201)
    assert_replays(first, api.send("POST", "/v1/accounts", json=body, headers=key))

    other = body | {"password": "something else"}
    answer = api.send("POST", "/v1/accounts", json=other, headers=key)
    problem(answer, 422, "idempotency-key-reused")

    elsewhere = body | {"handle": new_handle()}
    expect(api.send("POST", "/v1/accounts", json=elsewhere, headers=key), 201)


def test_the_answer_of_a_refused_command_is_repeated(ada: Person, bob: Person) -> None:
    post, key = ada.tweet()["id"], keyed()
    bob.relate("block", ada)
    first = ada.put(f"/v1/accounts/{bob.id}/follow", headers=key)
    bob.unrelate("block", ada)

    again = ada.put(f"/v1/accounts/{bob.id}/follow", headers=key)

    problem(again, 403, "blocked")
    assert_replays(first, again)
    for method, path, body, status in (
        ("PUT", f"/v1/accounts/{ada.id}/follow", None, 422),
        ("PUT", "/v1/posts/1/like", None, 404),
        ("POST", "/v1/tweets", {"text": "x" * 281}, 422),
        ("DELETE", f"/v1/replies/{post}", None, 404),
    ):
        key = keyed()
        refused = expect(ada.send(method, path, json=body, headers=key), status)
        assert_replays(refused, ada.send(method, path, json=body, headers=key))


def test_a_handle_that_was_taken_stays_taken_for_the_key(api: Api, ada: Person) -> None:
    key, body = keyed(), {"handle": ada.handle, "password": PASSWORD}
    first = api.send("POST", "/v1/accounts", json=body, headers=key)

    again = api.send("POST", "/v1/accounts", json=body, headers=key)

    problem(again, 409, "handle-taken")
    assert_replays(first, again)


def test_a_401_is_not_repeated(ada: Person) -> None:
    key = keyed()
    bad = {"Authorization": "Bearer nonsense", **key}
    problem(
        ada.api.send("POST", "/v1/tweets", json={"text": "x"}, headers=bad), 401, "not-signed-in"
    )

    answer = ada.post("/v1/tweets", json={"text": "x"}, headers=key)

    expect(answer, 201)
    assert REPLAYED not in answer.headers


def test_of_many_at_once_one_has_an_effect(server_url: str, ada: Person) -> None:
    headers = keyed() | ada.credentials

    def post(_: int) -> httpx.Response:
        return httpx.post(
            f"{server_url}/v1/tweets", json={"text": "race"}, headers=headers, timeout=60
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(24)))

    told = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "idempotency-key-in-progress")
    assert len(told) == 1
    assert len(ada.items(f"/v1/accounts/{ada.id}/posts")) == 1


@pytest.mark.parametrize("key", ["x", "~" * 255, "!#$%&'()*+,-./:;<=>?@[]^_`{|}"])
def test_a_key_has_1_to_255_visible_characters(ada: Person, key: str) -> None:
    expect(ada.post("/v1/tweets", json={"text": "x"}, headers={"Idempotency-Key": key}), 201)


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "a\tb"])
def test_any_other_key_is_refused(ada: Person, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("utf-8")}

    answer = ada.post("/v1/tweets", json={"text": "x"}, headers=headers)

    assert answer.status_code in {400, 422}
