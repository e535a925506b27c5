"""What a body or a query that is wrong gets: a precise 4xx, and the endpoint is not called."""

import pytest

from domain.ids import ID_MAX
from tests.edged import JSON, SIGNED_IN, Edged, Note
from web.incoming import BODY_BYTES_MAX
from web.paging import PageQuery

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
