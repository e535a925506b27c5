"""The edge as a whole: what reaches an endpoint, and what a bad request gets instead."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route as StarletteRoute

from domain.errors import Blocked
from domain.ids import ID_MAX
from tests.asgi import ADA, Answered, OpenChecks, ask
from web import consistency
from web.app import METHODS, build
from web.incoming import BODY_BYTES_MAX
from web.paging import PageQuery
from web.routing import Auth, Call, Reply, Route

SIGNED_IN = ("Authorization", "Bearer good")
JSON = ("Content-Type", "application/json")
ORIGIN = ("Origin", "https://app.example")


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=100)]
    number: int = 0
    ids: tuple[Annotated[str, Meta(pattern="^[0-9]+$")], ...] = ()


class Edged:
    """An application of a few routes that remember the call."""

    def __init__(self, checks: OpenChecks | None = None, origins: Sequence[str] = ()) -> None:
        self.checks = checks or OpenChecks()
        self.calls: list[Call] = []
        self.app = build(
            self._routes(),
            self.checks.edge(),
            extra=[StarletteRoute("/extra", _extra)],
            origins=origins,
        )

    @property
    def call(self) -> Call:
        (only,) = self.calls
        return only

    async def ask(
        self, method: str, target: str, *headers: tuple[str, str], **more: Any
    ) -> Answered:
        return await ask(self.app, method, target, headers=headers, **more)

    async def _note(self, call: Call) -> Reply:
        self.calls.append(call)
        return Reply(200, b'{"kept":true}', (("ETag", '"1"'),))

    async def _command(self, call: Call) -> Reply:
        self.calls.append(call)
        return Reply(204, vector={"log/0": 9})

    async def _refuse(self, _call: Call) -> Reply:
        raise Blocked

    async def _break(self, _call: Call) -> Reply:
        raise RuntimeError("a secret detail")

    async def _stream(self, _call: Call) -> Response:
        return StreamingResponse(iter(["data: 1\n\n"]), media_type="text/event-stream")

    def _routes(self) -> Sequence[Route]:
        def route(method: str, path: str, endpoint: Any, **more: Any) -> Route:
            return Route(method=method, path=path, endpoint=endpoint, summary="", **more)

        return (
            route("GET", "/list", self._note, query=PageQuery, auth=Auth.OPTIONAL, uses=("view",)),
            route("POST", "/notes", self._note, body=Note, idempotent_key=True),
            route("PUT", "/notes/{id:id}/star", self._command),
            route("GET", "/notes/{id:id}", self._note, auth=Auth.NONE),
            route("GET", "/refuse", self._refuse, auth=Auth.NONE),
            route("GET", "/break", self._break, auth=Auth.NONE),
            route("GET", "/stream", self._stream, auth=Auth.NONE),
            route("GET", "/admin", self._note, auth=Auth.ADMIN),
        )


async def _extra(_request: Request) -> Response:
    return PlainTextResponse("extra")


BAD_BODIES = {
    "empty": (b"", 400, None),
    "half": (b'{"text":', 400, None),
    "two documents": (b'{"text":"a"} {}', 400, None),
    "no JSON": (b"text=a", 400, None),
    "invalid UTF-8": (b'{"text":"\xff"}', 400, None),
    "a surrogate in UTF-8": (b'{"text":"\xed\xa0\x80"}', 400, None),
    "UTF-16": ('{"text":"a"}'.encode("utf-16"), 400, None),
    "a lone high surrogate": (b'{"text":"\\ud800"}', 400, None),
    "a lone low surrogate": (b'{"text":"\\udc00 a"}', 400, None),
    "a raw control character": (b'{"text":"\x00"}', 400, None),
    "NaN": (b'{"text":"a","number":NaN}', 400, None),
    "an escaped NUL": (b'{"text":"a\\u0000"}', 422, "/text"),
    "null": (b"null", 422, ""),
    "a list": (b"[]", 422, ""),
    "100k lists deep": (b"[" * 50_000 + b"]" * 14_000, 422, ""),
    "100k deep in a field": (b'{"text":' + b"[" * 60_000, 422, "/text"),
    "a missing field": (b"{}", 422, "/text"),
    "an unknown field": (b'{"text":"a","color":1}', 422, "/color"),
    "an unknown field with a path in its name": (b'{"text":"a","a/b~c":1}', 422, "/a~1b~0c"),
    "a wrong type": (b'{"text":1}', 422, "/text"),
    "a fraction for an integer": (b'{"text":"a","number":1.5}', 422, "/number"),
    "a number beyond all": (b'{"text":"a","number":1e999}', 422, "/number"),
    "5000 digits": (b'{"text":"a","number":' + b"9" * 5_000 + b"}", 422, "/number"),
    "too short": (b'{"text":""}', 422, "/text"),
    "too long": (b'{"text":"' + b"a" * 101 + b'"}', 422, "/text"),
    "a wrong item": (b'{"text":"a","ids":["1","x"]}', 422, "/ids/1"),
    "a wrong item's type": (b'{"text":"a","ids":[{}]}', 422, "/ids/0"),
    "too large": (b'{"text":"' + b"a" * BODY_BYTES_MAX + b'"}', 413, None),
    "1 MB": (b" " * 1_000_000, 413, None),
}


@pytest.mark.parametrize(("body", "status", "pointer"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_bad_body_gets_a_precise_problem(
    body: bytes, status: int, pointer: str | None
) -> None:
    edged = Edged()

    answer = await edged.ask("POST", "/notes", SIGNED_IN, JSON, body=body)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert [error["pointer"] for error in problem.get("errors", [])] == (
        [] if pointer is None else [pointer]
    )
    assert edged.calls == []


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_415(content_type: str) -> None:
    answer = await Edged().ask(
        "POST", "/notes", SIGNED_IN, ("Content-Type", content_type), body=b'{"text":"a"}'
    )

    assert answer.status == 415


async def test_a_content_type_may_have_parameters() -> None:
    content_type = ("Content-Type", "Application/JSON; charset=utf-8")

    answer = await Edged().ask("POST", "/notes", SIGNED_IN, content_type, body=b'{"text":"a"}')

    assert answer.status == 200


async def test_a_body_too_large_by_its_own_account_is_not_read() -> None:
    answer = await Edged().ask("POST", "/notes", SIGNED_IN, JSON, ("Content-Length", "65537"))

    assert answer.status == 413


async def test_a_body_in_chunks_is_limited_as_it_comes() -> None:
    chunks = [b'{"text":"'] + [b"a" * 10_000] * 100

    assert (await Edged().ask("POST", "/notes", SIGNED_IN, JSON, chunks=chunks)).status == 413


async def test_a_body_in_chunks_is_joined() -> None:
    edged = Edged()

    await edged.ask("POST", "/notes", SIGNED_IN, JSON, chunks=[b'{"te', b'xt":"', b'a"}'])

    assert edged.call.body == Note("a")


BAD_QUERIES = {
    "limit=x": "/limit",
    "limit=": "/limit",
    "limit=0": "/limit",
    "limit=-1": "/limit",
    "limit=1e2": "/limit",
    "limit=1.5": "/limit",
    "limit=%00": "/limit",
    f"limit={'9' * 41}": "/limit",
    "max_id=abc": "/max_id",
    "max_id=-5": "/max_id",
    "max_id=null": "/max_id",
    "since_id=": "/since_id",
    "min_id=1&min_id=%D9%A3": "/min_id",
}


@pytest.mark.parametrize(("query", "pointer"), BAD_QUERIES.items())
async def test_a_malformed_parameter_is_422(query: str, pointer: str) -> None:
    answer = await Edged().ask("GET", f"/list?{query}")

    assert answer.status == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("query", ["max_id=%ff", "&".join(["limit=1"] * 300)])
async def test_a_query_that_cannot_be_read_is_400(query: str) -> None:
    assert (await Edged().ask("GET", f"/list?{query}")).status == 400


async def test_a_limit_above_the_highest_is_capped() -> None:
    edged = Edged()

    answer = await edged.ask("GET", "/list?limit=1000")

    assert answer.status == 200
    assert edged.call.query == PageQuery(limit=100)


async def test_ids_too_large_are_ids_that_nothing_has() -> None:
    edged = Edged()

    await edged.ask("GET", f"/list?max_id={'9' * 40}")
    await edged.ask("GET", f"/notes/{'9' * 40}")

    assert edged.calls[0].query.max_id == ID_MAX
    assert edged.calls[1].path == {"id": ID_MAX}


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


@pytest.mark.parametrize("path", ["/notes/1", "/stream"])
async def test_head_answers_as_get_without_the_body(path: str) -> None:
    edged = Edged()

    get, head = await edged.ask("GET", path), await edged.ask("HEAD", path)

    assert head.status == get.status
    assert _same_for_each(head) == _same_for_each(get)
    assert head.body == b""
    assert get.body


async def test_extra_routes_are_served_after_ours() -> None:
    edged = Edged()

    assert (await edged.ask("GET", "/extra")).body == b"extra"
    refused = await edged.ask("POST", "/extra")
    assert (refused.status, refused.headers["allow"]) == (405, "HEAD, GET")
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
