"""Asks ASGI applications without a server, and an edge whose checks let everybody in."""

import asyncio
import json as json_module
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

from domain.errors import NotSignedIn, ProjectionBehind
from domain.ids import AccountId
from domain.positions import Vector
from web.app import Edge
from web.routing import Identity, Route

ADA = AccountId(7)


@dataclass(frozen=True)
class Answered:
    """What the application sent: `headers` by lower-case name, repeated ones joined."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json_module.loads(self.body)


async def ask(
    app: ASGIApp,
    method: str,
    target: str,
    *,
    headers: Sequence[tuple[str, str]] = (),
    json: Any = None,
    body: bytes | None = None,
    chunks: Sequence[bytes] = (),
    scheme: str = "http",
) -> Answered:
    """Send one request; `target` is the path with its query, `chunks` a body in parts."""
    path, _, query = target.partition("?")
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    if json is not None:
        body = json_module.dumps(json).encode()
        fields.append((b"content-type", b"application/json"))
    parts = list(chunks) or [body or b""]
    waiting: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()  # the client stays, and says no more
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": fields,
        "client": ("192.0.2.1", 1234),
        "server": ("127.0.0.1", 8080),
    }
    await app(scope, receive, send)
    return _answered(sent)


def _answered(sent: Sequence[Message]) -> Answered:
    start, *rest = sent
    headers: dict[str, str] = {}
    for raw_name, raw_value in start["headers"]:
        name, value = raw_name.decode(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Answered(start["status"], headers, b"".join(part.get("body", b"") for part in rest))


@dataclass
class OpenChecks:
    """Authenticator, progress and limits in one. The token `admin` has the admin scope, `bad` is
    refused; positions up to `position` are reached."""

    position: int = 0
    waited: list[tuple[tuple[str, ...], float]] = field(default_factory=list)

    def verify(self, token: str) -> Identity:
        if token == "bad":
            raise NotSignedIn
        return Identity(ADA, "session", frozenset({"admin"} if token == "admin" else ()))

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        self.waited.append((tuple(projections), wait_s))
        if max(vector.values()) > self.position:
            raise ProjectionBehind

    def check(
        self, route: Route, identity: Identity | None, address: str
    ) -> Sequence[tuple[bytes, bytes]]:
        return [(b"ratelimit", b"whatever")]

    def check_body(self, route: Route, body: Any) -> None:
        """Let everything pass."""

    def edge(self) -> Edge:
        return Edge(authenticator=self, progress=self, limits=self)
