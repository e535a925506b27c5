"""An application of a few routes behind the whole edge, which remembers the calls it got."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route as StarletteRoute

from domain.errors import Blocked
from tests.asgi import Answered, OpenChecks, ask
from web.app import build
from web.paging import PageQuery
from web.routing import Auth, Call, Reply, Route

SIGNED_IN: Final = ("Authorization", "Bearer good")
JSON: Final = ("Content-Type", "application/json")


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
