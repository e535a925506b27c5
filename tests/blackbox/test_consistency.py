"""General: the Consistency-Token, and that lag never refuses a command."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.blackbox.client import (
    PASSWORD,
    Api,
    Person,
    expect,
    items_of,
    made,
    new_handle,
    problem,
)
from tests.blackbox.server import serving

ASKED_MAX: Final = 5


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Another server, which is behind every token of the one under test."""
    folder: Path = tmp_path_factory.mktemp("empty") / "data"
    with serving(folder) as other, httpx.Client(base_url=other.url, timeout=30) as http:
        yield http


def test_every_successful_command_answers_a_token(api: Api, ada: Person, bob: Person) -> None:
    handle = new_handle()
    post = ada.tweet()["id"]
    commands = [
        api.send("POST", "/v1/accounts", json={"handle": handle, "password": PASSWORD}),
        api.send("POST", "/v1/sessions", json={"handle": handle, "password": PASSWORD}),
        ada.patch("/v1/accounts/me", json={"bio": "new"}),
        ada.post("/v1/tweets", json={"text": "x"}),
        ada.patch(f"/v1/tweets/{post}", json={"text": "y"}, headers={"If-Match": '"1"'}),
        bob.post(f"/v1/posts/{post}/replies", json={"text": "x"}),
        bob.post(f"/v1/posts/{post}/reports", json={"reason": "spam"}),
        bob.post("/v1/impressions", json={"post_ids": [post]}),
        ada.put("/v1/notifications/read", json={"up_to_id": post}),
        *(bob.put(f"/v1/posts/{post}/{how}") for how in ("like", "repost", "bookmark")),
        *(bob.put(f"/v1/posts/{post}/{how}") for how in ("like", "repost", "bookmark")),
        *(bob.delete(f"/v1/posts/{post}/{how}") for how in ("like", "repost", "bookmark")),
        *(bob.put(f"/v1/accounts/{ada.id}/{how}") for how in ("follow", "mute", "block")),
        *(bob.delete(f"/v1/accounts/{ada.id}/{how}") for how in ("follow", "mute", "block")),
        ada.delete(f"/v1/tweets/{post}"),
        ada.put(
            "/v1/accounts/me/password",
            json={"current_password": PASSWORD, "new_password": PASSWORD + "!"},
        ),
        ada.delete("/v1/accounts/me"),
    ]

    for answer in commands:
        assert answer.is_success, answer.text
        assert answer.headers["Consistency-Token"]


def test_a_read_with_the_token_sees_what_the_command_wrote(api: Api, ada: Person) -> None:
    for _ in range(30):
        post = ada.tweet()
        assert api.get(f"/v1/posts/{post['id']}").json()["id"] == post["id"]
        assert ada.home(limit=1) == [post["id"]]


def test_a_token_covers_the_tokens_that_the_command_was_sent(http: httpx.Client) -> None:
    ada, bob = Api(http).person(), Api(http).person()
    for _ in range(10):
        post = ada.tweet()
        bob.api.token = ada.api.token
        bob.tweet()

        seen = bob.get(f"/v1/posts/{post['id']}")

        expect(seen, 200)


def test_several_tokens_may_be_sent_with_commas_or_repeated(http: httpx.Client) -> None:
    ada, bob = Api(http).person(), Api(http).person()
    mine, theirs = ada.tweet()["id"], bob.tweet()["id"]
    tokens = [str(ada.api.token), str(bob.api.token)]
    for headers in (
        [("Consistency-Token", ", ".join(tokens))],
        [("Consistency-Token", ",".join(tokens))],
        [("Consistency-Token", token) for token in tokens],
    ):
        found = http.get("/v1/posts", params={"ids": f"{mine},{theirs}"}, headers=headers)
        assert [post["id"] for post in items_of(found)] == [mine, theirs]


def test_a_token_that_was_not_made_here_is_400(api: Api) -> None:
    for token in ("x", "v1.", "v1.AAAA", "v9.AAAA"):
        answer = api.get("/v1/timelines/public", headers={"Consistency-Token": token})
        problem(answer, 400, "malformed")


def test_an_access_token_of_another_installation_is_401(empty: httpx.Client, ada: Person) -> None:
    problem(empty.get("/v1/accounts/me", headers=ada.credentials), 401, "not-signed-in")


def asked_in_time(
    empty: httpx.Client, headers: dict[str, str], shortest: float, longest: float
) -> httpx.Response:
    """The answer to a read that cannot catch up. None comes too soon; a busy machine adds to how
    long one takes, so the first of a few that is not too late says how long was waited."""
    took: list[float] = []
    while len(took) < ASKED_MAX:
        started = time.monotonic()
        answer = empty.get("/v1/timelines/public", headers=headers)
        took.append(time.monotonic() - started)
        problem(answer, 503, "projection-behind")
        assert took[-1] >= shortest
        if took[-1] < longest:
            return answer
    raise AssertionError(f"It took {took} s")


@pytest.mark.embedded
def test_a_read_that_cannot_catch_up_is_503_after_a_bounded_wait(
    empty: httpx.Client, ada: Person
) -> None:
    ada.tweet()

    answer = asked_in_time(empty, {"Consistency-Token": str(ada.api.token)}, 1.5, 8)

    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("prefer", "shortest", "longest"),
    [("wait=0", 0, 1.9), ("wait=1", 0.9, 6), ("respond-async, wait=3", 2.9, 9)],
)
def test_prefer_wait_says_how_long_a_read_may_wait(
    empty: httpx.Client, ada: Person, prefer: str, shortest: float, longest: float
) -> None:
    ada.tweet()
    headers = {"Consistency-Token": str(ada.api.token), "Prefer": prefer}

    asked_in_time(empty, headers, shortest, longest)


def test_commands_know_at_once_what_other_clients_did(http: httpx.Client) -> None:
    """Without any token, milliseconds later, and never a 404."""
    ada, bob = Api(http).person(), Api(http).person()
    for _ in range(20):
        post = http.post("/v1/tweets", json={"text": "x"}, headers=ada.credentials).json()["id"]
        path = f"/v1/posts/{post}"
        reply = http.post(f"{path}/replies", json={"text": "y"}, headers=bob.credentials)
        expect(reply, 201)
        nested = f"/v1/posts/{reply.json()['id']}"
        expect(http.post(f"{nested}/replies", json={"text": "z"}, headers=ada.credentials), 201)
        expect(http.put(f"{path}/like", headers=bob.credentials), 204)
        expect(http.put(f"{path}/repost", headers=bob.credentials), 204)
        expect(http.put(f"{path}/bookmark", headers=bob.credentials), 204)
        quote = {"text": "look", "quote_of_id": post}
        expect(http.post("/v1/tweets", json=quote, headers=bob.credentials), 201)
        edit = {**ada.credentials, "If-Match": '"1"'}
        expect(http.patch(f"/v1/tweets/{post}", json={"text": "w"}, headers=edit), 200)
        report = {"reason": "spam"}
        expect(http.post(f"{path}/reports", json=report, headers=bob.credentials), 201)
        expect(http.delete(f"/v1/tweets/{post}", headers=ada.credentials), 204)
        gone = http.delete(f"/v1/tweets/{post}", headers=ada.credentials)
        problem(gone, 404, "post-not-found")
        problem(http.put(f"{path}/like", headers=bob.credentials), 404, "post-not-found")


def test_a_new_account_reads_itself_at_once_without_a_token(http: httpx.Client) -> None:
    for _ in range(20):
        body = {"handle": new_handle(), "password": PASSWORD}
        made(http.post("/v1/accounts", json=body))
        session = expect(http.post("/v1/sessions", json=body), 200).json()
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        own = expect(http.get("/v1/accounts/me", headers=headers), 200).json()
        assert own["handle"] == body["handle"]


def test_commands_know_a_new_account_at_once(http: httpx.Client) -> None:
    ada = Api(http).person()
    for _ in range(10):
        handle = new_handle()
        opened = http.post("/v1/accounts", json={"handle": handle, "password": PASSWORD})
        account = made(opened)["id"]
        follow = http.put(f"/v1/accounts/{account}/follow", headers=ada.credentials)
        expect(follow, 204)
        text = {"text": f"hello @{handle}"}
        tweet = made(http.post("/v1/tweets", json=text, headers=ada.credentials))
        assert tweet["entities"]["mentions"][0]["account_id"] == account
        credentials = {"handle": handle, "password": PASSWORD}
        expect(http.post("/v1/sessions", json=credentials), 200)
