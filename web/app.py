"""Turns routes into one ASGI application: authenticate, limit, decode, wait, call, answer."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from domain.errors import NotAllowed, NotFound, NotSignedIn, Refusal
from domain.ids import ID_MAX
from domain.positions import Vector
from web import consistency, problems
from web.decoding import decode_body, decode_query, wait_seconds
from web.routing import Auth, Call, Identity, Reply, Route

TOKEN_HEADER: Final = "Consistency-Token"
HeaderFields = Sequence[tuple[bytes, bytes]]


class Authenticator(Protocol):
    """Verifies access tokens on the request path; revocation counts at once."""

    def verify(self, token: str) -> Identity:
        """Who the token speaks for. Raises NotSignedIn, Suspended."""


class Progress(Protocol):
    """How far the projections are."""

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        """Return once all of them have reached `vector`. Raises ProjectionBehind after `wait_s`."""


class Limits(Protocol):
    """Rate limits per person and per address."""

    def check(self, route: Route, identity: Identity | None, address: str) -> HeaderFields:
        """Count the request; header fields that say what is left. Raises TooManyRequests."""

    def check_body(self, route: Route, body: Any) -> None:
        """Count it for what its body is about (`Route.limit_by`). Raises TooManyRequests."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What every request passes before its endpoint is called."""

    authenticator: Authenticator
    progress: Progress
    limits: Limits


class _SnowflakeConvertor(Convertor[int]):
    """Path ids: any digits; a number too large for an id is an id that nothing has."""

    regex = "[0-9]{1,40}"

    def convert(self, value: str) -> int:
        return min(int(value), ID_MAX)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("id", _SnowflakeConvertor())


class RouteApp:
    """One route as an ASGI application."""

    def __init__(self, route: Route, edge: Edge) -> None:
        self._route = route
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        extra: list[tuple[bytes, bytes]] = []
        try:
            reply = await self._answer(request, extra)
        except Refusal as refusal:
            reply = problems.problem(refusal)
        except ClientDisconnect:
            return
        response = reply if isinstance(reply, Response) else to_response(reply)
        response.raw_headers.extend(extra)
        await response(scope, receive, send)

    async def _answer(self, request: Request, extra: list[tuple[bytes, bytes]]) -> Reply | Response:
        route, headers = self._route, request.headers
        identity = self._identify(headers.get("authorization"))
        address = request.client.host if request.client else ""
        extra.extend(self._edge.limits.check(route, identity, address))
        raw = await _read_limited(request) if route.body is not None else b""
        vector = consistency.decode(headers.getlist(TOKEN_HEADER))
        call = Call(
            identity=identity,
            path=request.path_params,
            query=decode_query(route.query, request.scope["query_string"]),
            body=decode_body(route.body, raw, headers.get("content-type")),
            headers=headers,
            vector=vector,
            fingerprint=_fingerprint(route, request, raw),
            url_path=request.url.path if route.query is not None else "",
            query_string=request.scope["query_string"].decode("latin-1"),
            wait_s=wait_seconds(headers.get("prefer")),
        )
        if route.limit_by is not None:
            self._edge.limits.check_body(route, call.body)
        if vector and route.uses:
            await self._edge.progress.reached(route.uses, vector, call.wait_s)
        answer: Reply | Response = await route.endpoint(call)
        return answer

    def _identify(self, authorization: str | None) -> Identity | None:
        auth = self._route.auth
        if auth is Auth.NONE:
            return None
        if authorization is None:
            if auth is Auth.OPTIONAL:
                return None
            raise NotSignedIn
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn("The Authorization header must be: Bearer <access token>")
        identity = self._edge.authenticator.verify(token)
        if auth is Auth.ADMIN and "admin" not in identity.scopes:
            raise NotAllowed("This needs the admin scope")
        return identity


BODY_BYTES_MAX: Final = 64 * 1024


async def _read_limited(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > BODY_BYTES_MAX:
        raise problems.TooLarge(f"A body may have {BODY_BYTES_MAX} bytes")
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise problems.TooLarge(f"A body may have {BODY_BYTES_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _fingerprint(route: Route, request: Request, raw: bytes) -> bytes:
    """What an Idempotency-Key is bound to: method, path and body. Empty without a key."""
    if not route.idempotent_key or "idempotency-key" not in request.headers:
        return b""
    parts = (route.method.encode(), request.url.path.encode(), raw)
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


def to_response(reply: Reply) -> Response:
    """A Reply as Starlette's response, with its vector as the consistency token."""
    headers = dict(reply.headers)
    if reply.vector:
        headers[TOKEN_HEADER] = consistency.encode(reply.vector)
    media_type = reply.media_type if reply.body else None
    return Response(reply.body, reply.status, headers, media_type)


class _MethodTable:
    """All methods of one path: a method that the path lacks is a 405 problem with Allow."""

    def __init__(self, by_method: Mapping[str, RouteApp]) -> None:
        self._by_method = dict(by_method)
        if "GET" in self._by_method:
            self._by_method["HEAD"] = self._by_method["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._by_method.get(scope["method"])
        if app is not None:
            await app(scope, receive, send)
            return
        response = to_response(problems.problem(problems.MethodNotAllowed()))
        response.headers["Allow"] = ", ".join(sorted(self._by_method))
        await response(scope, receive, send)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return to_response(problems.problem(NotFound("There is nothing at this path")))


def build(
    routes: Iterable[Route],
    edge: Edge,
    *,
    extra: Sequence[BaseRoute] = (),
    lifespan: Callable[[Starlette], Any] | None = None,
) -> Starlette:
    """The application that serves `routes` (tried in their order) and `extra` ones."""
    paths: dict[str, dict[str, RouteApp]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = RouteApp(route, edge)
    table = [StarletteRoute(path, _MethodTable(apps)) for path, apps in paths.items()]
    return Starlette(
        routes=[*table, *extra], exception_handlers={404: _not_found}, lifespan=lifespan
    )


Dispatch = Callable[[Scope, Receive, Send], Awaitable[None]]
