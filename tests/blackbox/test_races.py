"""Many at once: of concurrent commands one wins, and nothing is counted twice."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.blackbox.client import PASSWORD, Api, Person, expect, ids, new_handle, problem

THREADS = 8
EDITS = 64


@pytest.fixture
def at_once(server_url: str) -> Callable[[Sequence[httpx.Request]], list[httpx.Response]]:
    def send(requests: Sequence[httpx.Request]) -> list[httpx.Response]:
        client = httpx.Client(base_url=server_url, timeout=30)
        with client as http, ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(http.send, requests))

    return send


AtOnce = Callable[[Sequence[httpx.Request]], list[httpx.Response]]


def request(
    person: Person, method: str, path: str, body: object = None, **headers: str
) -> httpx.Request:
    url = person.api.http.base_url.join(path)
    return httpx.Request(method, url, json=body, headers=person.credentials | headers)


def test_a_handle_is_given_once(api: Api, at_once: AtOnce) -> None:
    handle = new_handle()
    url = api.http.base_url.join("/v1/accounts")
    bodies = [{"handle": h, "password": PASSWORD} for h in (handle, handle.upper()) * 8]

    answers = at_once([httpx.Request("POST", url, json=body) for body in bodies])

    opened = [answer for answer in answers if answer.status_code == 201]
    assert len(opened) == 1
    api.token = opened[0].headers["Consistency-Token"]
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409, "handle-taken")
    assert api.get(f"/v1/accounts/by-handle/{handle}").json()["id"] == opened[0].json()["id"]
    expect(api.send("POST", "/v1/sessions", json={"handle": handle, "password": PASSWORD}), 200)


def test_one_edit_of_a_version_wins(ada: Person, at_once: AtOnce) -> None:
    path = f"/v1/tweets/{ada.tweet()['id']}"
    edits = [
        request(ada, "PATCH", path, {"text": f"number {n}"}, **{"If-Match": '"1"'})
        for n in range(16)
    ]

    answers = at_once(edits)

    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert [post["version"] for post in won] == [2]
    assert {answer.status_code for answer in answers} <= {200, 412, 409}
    shown = ada.get(f"/v1/posts/{won[0]['id']}", headers={"Consistency-Token": _token(answers)})
    assert shown.json()["text"] == won[0]["text"]


@pytest.mark.parametrize("what", ["tweet", "profile"])
def test_many_edits_at_once_are_all_taken(what: str, ada: Person, server_url: str) -> None:
    path = f"/v1/tweets/{ada.tweet()['id']}"
    edits = [
        request(ada, "PATCH", path, {"text": f"no. {n}"}, **{"If-Match": "*"})
        if what == "tweet"
        else request(ada, "PATCH", "/v1/accounts/me", {"bio": f"no. {n}"})
        for n in range(EDITS)
    ]

    limits = httpx.Limits(max_connections=EDITS)
    with (
        httpx.Client(base_url=server_url, timeout=60, limits=limits) as http,
        ThreadPoolExecutor(EDITS) as pool,
    ):
        answers = list(pool.map(http.send, edits))

    assert [answer.status_code for answer in answers] == [200] * EDITS
    if what == "tweet":
        versions = sorted(answer.json()["version"] for answer in answers)
        assert versions == list(range(2, EDITS + 2))


def test_likes_and_follows_count_once_for_each(api: Api, ada: Person, at_once: AtOnce) -> None:
    post = ada.tweet()
    people = [api.person() for _ in range(6)]
    paths = [f"/v1/posts/{post['id']}/like", f"/v1/accounts/{ada.id}/follow"]

    answers = at_once(
        [request(person, "PUT", path) for _ in range(4) for person in people for path in paths]
    )

    # Two toggles of one pair at once may be told to try again.
    assert {answer.status_code for answer in answers} <= {204, 409}
    token = {"Consistency-Token": _token(answers)}
    assert ada.get(f"/v1/posts/{post['id']}", headers=token).json()["counts"]["likes"] == 6
    assert ada.get("/v1/accounts/me", headers=token).json()["counts"]["followers"] == 6


def test_posts_of_many_at_once_all_stand_in_order(api: Api, ada: Person, at_once: AtOnce) -> None:
    people = [api.person() for _ in range(4)]
    for person in people:
        ada.relate("follow", person)

    answers = at_once(
        [
            request(p, "POST", "/v1/tweets", {"text": f"number {n}"})
            for n in range(15)
            for p in people
        ]
    )

    made = {expect(answer, 201).json()["id"] for answer in answers}
    assert len(made) == 60
    home = ids(
        ada.get(
            "/v1/timelines/home",
            params={"limit": 100},
            headers={"Consistency-Token": _token(answers)},
        ).json()["items"]
    )
    assert home == sorted(made, key=int, reverse=True)


def test_a_refresh_token_works_once(api: Api, ada: Person, at_once: AtOnce) -> None:
    url = api.http.base_url.join("/v1/sessions/refresh")
    body = {"refresh_token": ada.session["refresh_token"]}

    answers = at_once([httpx.Request("POST", url, json=body) for _ in range(8)])

    assert sum(answer.status_code == 200 for answer in answers) == 1
    assert {answer.status_code for answer in answers} == {200, 401}


def test_follow_and_block_at_once_never_leave_both(
    ada: Person, bob: Person, at_once: AtOnce
) -> None:
    for _ in range(5):
        answers = at_once(
            [
                request(ada, "PUT", f"/v1/accounts/{bob.id}/follow"),
                request(bob, "PUT", f"/v1/accounts/{ada.id}/block"),
                request(bob, "PUT", f"/v1/accounts/{ada.id}/follow"),
            ]
        )
        assert {answer.status_code for answer in answers} <= {204, 403, 409}
        token = {"Consistency-Token": _token(answers)}
        viewer = ada.get(f"/v1/accounts/{bob.id}", headers=token).json()["viewer"]
        if viewer["blocked_by"]:
            assert not viewer["following"]
            assert not viewer["followed_by"]
        for how in ("block", "follow"):
            bob.unrelate(how, ada)
        ada.unrelate("follow", bob)


def _token(answers: Sequence[httpx.Response]) -> str:
    """Of all that succeeded."""
    return ",".join(a.headers["Consistency-Token"] for a in answers if a.is_success)
