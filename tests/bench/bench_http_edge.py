"""What the HTTP edge costs for each request, in-process, beside the smallest Starlette app.

Run with `python -m tests.bench.bench_http_edge`, or serve either app to a load generator:
`uvicorn --factory tests.bench.bench_http_edge:edge` (or `:plain`), paths `/v1/empty` (GET, POST).
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Message

from domain.ids import AccountId
from domain.positions import Vector
from web.app import Edge, build
from web.paging import PageQuery
from web.routing import Auth, Call, Identity, Reply, Route

REQUESTS: Final = 20_000
OTHER_ROUTES: Final = 75
HEADERS: Final = [
    (b"host", b"127.0.0.1:8080"),
    (b"user-agent", b"bench/1.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip"),
    (b"authorization", b"Bearer abc"),
    (b"content-type", b"application/json"),
]


class Empty(msgspec.Struct, forbid_unknown_fields=True):
    """An empty JSON object."""


class NoChecks:
    """Authenticator, progress and limits that cost nothing."""

    def verify(self, token: str) -> Identity:
        return Identity(AccountId(1), token, frozenset())

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        return

    def check(
        self, route: Route, identity: Identity | None, address: str
    ) -> Sequence[tuple[bytes, bytes]]:
        return ()

    def check_body(self, route: Route, body: Any) -> None:
        return


async def _answer(_call: Call) -> Reply:
    return Reply(200, b"{}")


def _observe(*, route: str, method: str, status: int, seconds: float) -> None:
    return


def _routes() -> Iterable[Route]:
    for number in range(OTHER_ROUTES):
        yield Route(
            method="GET", path=f"/v1/posts/{{id:id}}/part{number}", endpoint=_answer, summary=""
        )
    yield Route(method="GET", path="/v1/empty", endpoint=_answer, summary="", auth=Auth.OPTIONAL)
    yield Route(method="POST", path="/v1/empty", endpoint=_answer, summary="", body=Empty)
    yield Route(
        method="GET", path="/v1/posts/{id:id}/list", endpoint=_answer, summary="", query=PageQuery
    )


def edge(*, layered: bool = True) -> Starlette:
    """The whole edge over endpoints that do nothing; `layered` with CORS and observation too."""
    checks = NoChecks()
    return build(
        _routes(),
        Edge(checks, checks, checks),
        origins=("https://example.org",) if layered else (),
        observe=_observe if layered else None,
    )


async def _plain_get(_request: Request) -> Response:
    return Response(b"{}", media_type="application/json")


async def _plain_post(request: Request) -> Response:
    await request.json()
    return Response(b"{}", media_type="application/json")


def plain() -> Starlette:
    """The same answers from Starlette alone, its two routes the only ones."""
    return Starlette(
        routes=[
            StarletteRoute("/v1/empty", _plain_get, methods=["GET"]),
            StarletteRoute("/v1/empty", _plain_post, methods=["POST"]),
        ]
    )


async def _microseconds(app: ASGIApp, method: str, path: str, query: bytes = b"") -> float:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200

    began = time.perf_counter()
    for _ in range(REQUESTS):
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": HEADERS,
            "client": ("127.0.0.1", 1),
            "scheme": "http",
        }
        await app(scope, receive, send)
    return (time.perf_counter() - began) / REQUESTS * 1e6


async def _print_all() -> None:
    for name, app in (
        ("plain Starlette", plain()),
        ("edge", edge(layered=False)),
        ("edge, CORS, observed", edge()),
    ):
        get = await _microseconds(app, "GET", "/v1/empty")
        post = await _microseconds(app, "POST", "/v1/empty")
        print(f"{name:22} GET {get:5.1f} us   POST {post:5.1f} us", end="")
        if name != "plain Starlette":
            paged = await _microseconds(
                app, "GET", "/v1/posts/1212092628029698048/list", b"limit=40&max_id=1234567"
            )
            print(f"   last of {OTHER_ROUTES} routes, with a query {paged:5.1f} us", end="")
        print()


if __name__ == "__main__":
    asyncio.run(_print_all())
