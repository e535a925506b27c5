"""The edge as a whole: what reaches an endpoint, and what every answer has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette

from domain.errors import Blocked
from tests.asgi import ADA, Answered, OpenChecks
from tests.edged import SIGNED_IN, Edged
from web import consistency
from web.app import build
from web.cors import METHODS

ORIGIN = ("Origin", "https://app.example")


@pytest.mark.parametrize(
    "wrong", ["/notes/x", "/notes/-1", "/notes/", "/notes/1/", "/", "//", "/x"]
)
async def test_there_is_nothing_at_other_paths(wrong: str) -> None:
    answer = await Edged().ask("GET", wrong)

    assert answer.status == 404
    assert answer.json()["type"] == "/problems/not-found"


async def test_another_method_is_405_and_names_those_allowed() -> None:
    answer = await Edged().ask("DELETE", "/notes/1", SIGNED_IN)

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["type"] == "/problems/method-not-allowed"


async def test_options_tells_the_methods() -> None:
    answer = await Edged().ask("OPTIONS", "/notes")

    assert (answer.status, answer.headers["allow"], answer.body) == (204, "OPTIONS, POST", b"")


async def test_head_answers_as_get_without_the_body() -> None:
    edged = Edged()

    get, head = await edged.ask("GET", "/notes/1"), await edged.ask("HEAD", "/notes/1")

    assert head.status == get.status
    assert _same_for_each(head) == _same_for_each(get)
    assert head.body == b""
    assert get.body


async def test_an_endpoint_may_answer_with_a_response_of_its_own() -> None:
    answer = await Edged().ask("GET", "/stream")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.body == b"data: 1\n\n"


async def test_extra_routes_are_served_after_ours() -> None:
    edged = Edged()

    assert (await edged.ask("GET", "/extra")).body == b"extra"
    refused = await edged.ask("POST", "/extra")
    assert refused.status == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "authorization", [None, "good", "Basic good", "Bearer ", "Bearer bad", "bearer"]
)
async def test_who_is_not_signed_in_is_told_how(authorization: str | None) -> None:
    headers = [] if authorization is None else [("Authorization", authorization)]

    answer = await Edged().ask("POST", "/notes", *headers, json={"text": "a"})

    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_bad_token_is_refused_even_where_none_is_needed() -> None:
    assert (await Edged().ask("GET", "/list", ("Authorization", "Bearer bad"))).status == 401


async def test_the_admin_scope_is_asked_for() -> None:
    edged = Edged()

    assert (await edged.ask("GET", "/admin", SIGNED_IN)).status == 403
    assert (await edged.ask("GET", "/admin", ("Authorization", "Bearer admin"))).status == 200


async def test_an_endpoint_gets_who_asks_and_what() -> None:
    edged = Edged()

    await edged.ask("GET", "/list?limit=3&x=%C3%A9", ("Authorization", "BEARER good"))

    assert edged.call.account_id == ADA
    assert (edged.call.url_path, edged.call.query_string) == ("/list", "limit=3&x=%C3%A9")


async def test_header_fields_are_found_in_any_case() -> None:
    edged = Edged()

    await edged.ask("GET", "/list", ("If-None-Match", '"a"'), ("if-none-match", '"b"'))

    assert edged.call.headers["IF-NONE-MATCH"] == '"a", "b"'
    assert edged.call.headers.get("if-none-match") == '"a", "b"'
    assert "If-Match" not in edged.call.headers


async def test_the_vector_of_a_reply_becomes_the_token() -> None:
    answer = await Edged().ask("PUT", "/notes/1/star", SIGNED_IN)

    assert answer.status == 204
    assert consistency.decode([answer.headers["consistency-token"]]) == {"log/0": 9}
    assert "content-length" not in answer.headers


async def test_tokens_are_merged_and_waited_for() -> None:
    edged = Edged(OpenChecks(position=5))
    tokens = [
        ("Consistency-Token", consistency.encode({"log/0": 3})),
        ("Consistency-Token", f" {consistency.encode({'log/0': 5})} ,"),
    ]

    answer = await edged.ask("GET", "/list", *tokens, ("Prefer", "respond-async, wait=7"))

    assert answer.status == 200
    assert edged.call.vector == {"log/0": 5}
    assert edged.checks.waited == [(("view",), 7.0)]


async def test_what_one_wrote_is_waited_for_without_a_token() -> None:
    edged = Edged(OpenChecks(position=9))
    await edged.ask("PUT", "/notes/1/star", SIGNED_IN)

    answer = await edged.ask("GET", "/list", SIGNED_IN)

    assert answer.status == 200
    assert edged.checks.waited == [(("view",), 1.0)]


async def test_a_view_that_stays_behind_is_shown_to_who_sent_no_token() -> None:
    edged = Edged(OpenChecks(position=8))
    await edged.ask("PUT", "/notes/1/star", SIGNED_IN)

    answer = await edged.ask("GET", "/list", SIGNED_IN, ("Prefer", "wait=0"))

    assert answer.status == 200
    assert edged.checks.waited == [(("view",), 0.0)]


async def test_nobody_waits_for_what_others_wrote() -> None:
    edged = Edged(OpenChecks(position=8))
    await edged.ask("PUT", "/notes/1/star", SIGNED_IN)

    await edged.ask("GET", "/list")

    assert edged.checks.waited == []


async def test_a_view_that_lags_is_503_with_a_time_to_wait() -> None:
    token = ("Consistency-Token", consistency.encode({"log/0": 6}))

    answer = await Edged().ask("GET", "/list", token)

    assert answer.status == 503
    assert answer.json()["type"] == "/problems/projection-behind"
    assert int(answer.headers["retry-after"]) > 0


async def test_another_servers_token_is_400() -> None:
    assert (await Edged().ask("GET", "/list", ("Consistency-Token", "v1.abc"))).status == 400


async def test_a_key_is_bound_to_method_path_and_body() -> None:
    edged = Edged()
    key = ("Idempotency-Key", "k")

    for text in ("a", "a", "b"):
        await edged.ask("POST", "/notes", SIGNED_IN, key, json={"text": text})
    await edged.ask("POST", "/notes", SIGNED_IN, json={"text": "a"})

    first, again, other, without = (call.fingerprint for call in edged.calls)
    assert first == again != other
    assert without == b""


async def test_a_refusal_is_its_problem() -> None:
    answer = await Edged().ask("GET", "/refuse")

    assert answer.status == 403
    assert answer.json() == {
        "type": "/problems/blocked",
        "title": Blocked.title,
        "status": 403,
        "detail": Blocked.title,
    }


async def test_the_unexpected_is_a_500_that_tells_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = await Edged().ask("GET", "/break", ("Request-Id", "r-1"))

    assert answer.status == 500
    assert answer.json()["type"] == "/problems/internal-error"
    assert b"secret" not in answer.body
    assert answer.headers["request-id"] == "r-1"
    assert "a secret detail" in caplog.text


@pytest.mark.parametrize("path", ["/notes/1", "/refuse", "/break", "/nowhere", "/extra", "/stream"])
async def test_every_answer_has_an_id_and_a_policy(path: str) -> None:
    answer = await Edged().ask("GET", path)

    assert answer.headers["request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers


async def test_https_stays_https() -> None:
    answer = await Edged().ask("GET", "/notes/1", scheme="https")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_the_limits_fields_are_answered() -> None:
    edged = Edged()

    assert (await edged.ask("GET", "/notes/1")).headers["ratelimit"] == "whatever"
    assert (await edged.ask("GET", "/stream")).headers["ratelimit"] == "whatever"


async def test_browsers_may_call_from_the_origins_that_are_set() -> None:
    edged = Edged(origins=["https://app.example"])

    answer = await edged.ask("GET", "/refuse", ORIGIN)
    stranger = await edged.ask("GET", "/refuse", ("Origin", "https://evil.example"))

    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert {
        "Link", "Location", "ETag", "Consistency-Token", "Retry-After", "Request-Id", "RateLimit",
    } <= exposed  # fmt: skip
    assert "access-control-allow-origin" not in stranger.headers


async def test_a_preflight_is_answered_for_every_method_and_field() -> None:
    edged = Edged(origins=["*"])

    for method in METHODS:
        answer = await edged.ask(
            "OPTIONS",
            "/notes",
            ORIGIN,
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "authorization,idempotency-key,if-match,prefer"),
        )

        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["request-id"]
    assert edged.calls == []


async def test_what_a_program_got_is_not_kept_for_a_browser() -> None:
    answer = await Edged(origins=["https://app.example"]).ask("GET", "/notes/1")

    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in answer.headers


async def test_no_origin_may_call_unless_one_is_set() -> None:
    answer = await Edged().ask("GET", "/notes/1", ORIGIN)

    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_lifespan_runs_as_starlettes() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        seen.append("open")
        yield
        seen.append("closed")

    app = build((), OpenChecks().edge(), lifespan=lifespan)
    async with app.router.lifespan_context(app):
        assert seen == ["open"]
    assert seen == ["open", "closed"]


def _same_for_each(answer: Answered) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "request-id"}
