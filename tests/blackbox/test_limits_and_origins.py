"""Rate limits when they are on, and the origins that browsers may call from."""

from collections.abc import Iterator

import httpx
import pytest

from tests.blackbox.client import PASSWORD, Api, expect, new_handle, problem
from tests.blackbox.server import serving


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = {
        "STARLING_RATE_LIMITS": "on",
        "STARLING_CORS_ORIGINS": "https://app.example",
    }
    folder = tmp_path_factory.mktemp("limited") / "data"
    with (
        serving(folder, **settings) as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        yield http


def test_too_many_requests_are_429_with_retry_after(limited: httpx.Client) -> None:
    body = {"handle": new_handle(), "password": "not this one"}
    answer = limited.post("/v1/sessions", json=body)
    for _ in range(1_000):
        if answer.status_code == 429:
            break
        answer = limited.post("/v1/sessions", json=body)
    problem(answer, 429, "too-many-requests")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_429_is_not_repeated_and_reads_go_on(limited: httpx.Client) -> None:
    handle = {"handle": new_handle(), "password": PASSWORD}
    opened = expect(limited.post("/v1/accounts", json=handle), 201)
    assert opened.headers["RateLimit"]
    expect(limited.get("/v1/timelines/public"), 200)


def test_the_allowed_origin_may_read_what_it_needs(limited: httpx.Client) -> None:
    origin = {"Origin": "https://app.example"}
    answer = limited.get("/v1/timelines/public", headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] in {"https://app.example", "*"}
    exposed = answer.headers["Access-Control-Expose-Headers"].lower()
    for name in (
        "Link",
        "Location",
        "ETag",
        "Consistency-Token",
        "Retry-After",
        "Request-Id",
    ):
        assert name.lower() in exposed


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_allows_what_commands_send(limited: httpx.Client, method: str) -> None:
    wanted = "authorization, content-type, idempotency-key, if-match, consistency-token, prefer"
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": wanted,
    }
    answer = limited.options("/v1/tweets", headers=headers)
    assert answer.status_code in {200, 204}
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in wanted.split(", "))


def test_another_origin_is_told_nothing(limited: httpx.Client) -> None:
    answer = limited.get("/v1/timelines/public", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_without_the_setting_no_origin_may_call(api: Api) -> None:
    answer = api.get("/v1/timelines/public", headers={"Origin": "https://app.example"})

    assert "Access-Control-Allow-Origin" not in answer.headers
