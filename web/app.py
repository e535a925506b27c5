"""Turns routes into one ASGI application: authenticate, limit, decode, wait, call, answer."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import (
    NotAllowed,
    NotFound,
    NotSignedIn,
    ProjectionBehind,
    Refusal,
    Unavailable,
)
from domain.positions import Vector
from web import consistency, problems
from web.cors import Cors
from web.decoding import decode_body, decode_query, wait_seconds
from web.dispatch import Paths
from web.failures import Failures
from web.incoming import Fields, fields_of, read_body
from web.observing import Observe, Observing
from web.outgoing import AS_OF, TOKEN_HEADER, send_reply
from web.overload import TOO_MUCH, Overloaded
from web.own_writes import WAIT_MAX_S, OwnWrites
from web.problems import BadRequest
from web.request_id import RequestIds
from web.routing import Auth, Call, Endpoint, Identity, Reply, Route
from web.security_headers import SecurityHeaders

HeaderFields = Sequence[tuple[bytes, bytes]]


log = logging.getLogger(__name__)


class Authenticator(Protocol):
    """Verifies access tokens on the request path; revocation counts at once."""

    def verify(self, token: str) -> Identity:
        """Who the token speaks for. Raises NotSignedIn, Suspended."""


class Progress(Protocol):
    """How far the projections are."""

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        """Return once all of them have reached `vector`. Raises ProjectionBehind after `wait_s`."""


class Past(Protocol):
    """Reads as of moments that are past."""

    async def endpoint(self, route: Route, asked: str) -> tuple[Endpoint, str]:
        """What answers the route as of the moment that a request asks for, and what the moment is
        called. Raises Refusal where there is none."""


class Limits(Protocol):
    """Rate limits per person and per address."""

    def check(self, route: Route, identity: Identity | None, address: str) -> HeaderFields:
        """Count the request; header fields that say what is left. Raises TooManyRequests."""

    def check_body(self, route: Route, body: Any) -> None:
        """Count it for what its body is about (`Route.limit_by`). Raises TooManyRequests."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What every request passes before its endpoint is called.

    `outages` are the errors by which engines say that they cannot be reached: they become 503
    problems of the request at hand, and nothing else. Without `past` nothing is read as of a
    moment that is past. `begin_reads` is called before views are read for an answer: they may be
    as of any moment after that.
    """

    authenticator: Authenticator
    progress: Progress
    limits: Limits
    outages: tuple[type[Exception], ...] = ()
    own_writes: OwnWrites = field(default_factory=OwnWrites)
    past: Past | None = None
    begin_reads: Callable[[], None] = lambda: None


Layer = Callable[[ASGIApp], ASGIApp]


class RouteApp:
    """One route as an ASGI application."""

    def __init__(self, route: Route, edge: Edge) -> None:
        self._route = route
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        extra: list[tuple[bytes, bytes]] = []
        try:
            if TOO_MUCH in scope and self._route.limited:
                raise Overloaded
            reply = await self._answer(scope, receive, extra)
        except Refusal as refusal:
            reply = problems.problem(refusal)
        except ClientDisconnect:
            return
        except self._edge.outages as error:
            log.warning("An engine cannot be reached: %s", error)
            reply = problems.problem(Unavailable())
        if isinstance(reply, Reply):
            await send_reply(reply, extra, scope, send)
        else:
            reply.raw_headers.extend(extra)
            await reply(scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, extra: list[tuple[bytes, bytes]]
    ) -> Reply | Response:
        route, fields = self._route, fields_of(scope)
        identity = self._identify(fields.get("authorization"))
        if route.limited:
            address = scope["client"][0] if scope.get("client") else ""
            extra.extend(self._edge.limits.check(route, identity, address))
        raw = b"" if route.body is None else await read_body(fields, receive)
        tokens = fields.get(TOKEN_HEADER)
        call = Call(
            identity=identity,
            path=scope["path_params"],
            query=decode_query(route.query, scope["query_string"]),
            body=decode_body(route.body, raw, fields.get("content-type")),
            headers=fields,
            vector={} if tokens is None else consistency.decode((tokens,)),
            fingerprint=_fingerprint(route, fields, scope["path"], raw),
            url_path=scope["path"],
            query_string=scope["query_string"].decode("latin-1"),
            wait_s=wait_seconds(fields.get("prefer")),
        )
        if route.limit_by is not None:
            self._edge.limits.check_body(route, call.body)
        if dict.__contains__(fields, "as-of"):  # for all but a few requests this is all it costs
            return await self._as_of(call, fields["as-of"], extra)
        if call.vector and route.uses:
            await self._edge.progress.reached(route.uses, call.vector, call.wait_s)
        elif route.uses and identity is not None:
            await self._show_own_writes(identity, call.wait_s)
        if route.uses:
            self._edge.begin_reads()
        answer: Reply | Response = await route.endpoint(call)
        if identity is not None and isinstance(answer, Reply) and answer.vector:
            self._edge.own_writes.note(identity.account_id, answer.vector)
        return answer

    async def _as_of(
        self, call: Call, asked: str, extra: list[tuple[bytes, bytes]]
    ) -> Reply | Response:
        """Answer as of a moment that is past, which waits for nothing that was done since."""
        if self._edge.past is None or not self._route.is_view:
            raise BadRequest(f"{AS_OF} is for reads of views; this is none")
        if call.identity is None:
            raise NotSignedIn
        if "admin" not in call.identity.scopes:
            raise NotAllowed(f"{AS_OF} needs the admin scope")
        endpoint, as_of = await self._edge.past.endpoint(self._route, asked)
        extra += [(b"as-of", as_of.encode("ascii")), (b"vary", AS_OF.encode("ascii"))]
        answer: Reply | Response = await endpoint(call)
        return answer

    async def _show_own_writes(self, identity: Identity, wait_s: float) -> None:
        """Wait, though no token asks for it, and not for long, for what the account wrote last."""
        uses, own = self._route.uses, self._edge.own_writes
        vector = own.unseen(identity.account_id, uses)
        if vector is not None:
            with suppress(ProjectionBehind):
                await self._edge.progress.reached(uses, vector, min(wait_s, WAIT_MAX_S))
                own.note_seen(identity.account_id, vector, uses)

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


def _fingerprint(route: Route, fields: Fields, path: str, raw: bytes) -> bytes:
    """What an Idempotency-Key is bound to: method, path and body. Empty without a key."""
    if not route.idempotent_key or "idempotency-key" not in fields:
        return b""
    parts = (route.method.encode(), path.encode(), raw)
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


class _Methods:
    """All methods of one path. A method that the path lacks is a 405 problem with Allow."""

    def __init__(self, template: str, by_method: Mapping[str, ASGIApp]) -> None:
        self._template = template
        self._by_method = dict(by_method)
        if "GET" in by_method:
            self._by_method["HEAD"] = by_method["GET"]
        allowed = ", ".join(sorted({*self._by_method, "OPTIONS"}))
        self._allow = ((b"allow", allowed.encode("ascii")),)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path_template"] = self._template
        app = self._by_method.get(scope["method"])
        if app is not None:
            await app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await send_reply(Reply(204), self._allow, scope, send)
        else:
            refused = problems.problem(problems.MethodNotAllowed())
            await send_reply(refused, self._allow, scope, send)


class _Dispatch:
    """Routes first, found without trying them in turn; then the extra ones; then a 404 problem."""

    def __init__(self, paths: Paths[_Methods], extra: ASGIApp) -> None:
        self._paths = paths
        self._extra = extra

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._paths.find(scope["path"]) if scope["type"] == "http" else None
        if found is not None:
            methods, scope["path_params"] = found
            await methods(scope, receive, send)
            return
        try:
            await self._extra(scope, receive, send)
        except HTTPException as error:
            await send_reply(_plain_problem(error), (), scope, send)


def _plain_problem(error: HTTPException) -> Reply:
    refusal = (
        problems.MethodNotAllowed()
        if error.status_code == 405
        else NotFound("There is nothing at this path")
    )
    reply = problems.problem(refusal)
    return reply._replace(headers=(*reply.headers, *(error.headers or {}).items()))


class _Application(Starlette):
    """Starlette for its lifespan and extra routes, with our layers around our dispatch."""

    def __init__(self, paths: Paths[_Methods], layers: Sequence[Layer], **options: Any) -> None:
        super().__init__(**options)
        self.router.redirect_slashes = False
        self._paths = paths
        self._layers = layers

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = _Dispatch(self._paths, self.router)
        for layer in reversed(self._layers):
            app = layer(app)
        return app


def build(
    routes: Iterable[Route],
    edge: Edge,
    *,
    extra: Sequence[BaseRoute] = (),
    lifespan: Callable[[Starlette], Any] | None = None,
    origins: Sequence[str] = (),
    observe: Observe | None = None,
) -> Starlette:
    """The application that serves `routes` and then `extra` ones.

    A fixed segment of a path goes before a parameter, whatever the order. `origins` are those
    that browsers may call from ("*": any); `observe` is told about every answer.
    """
    by_path: dict[str, dict[str, RouteApp]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method] = RouteApp(route, edge)
    paths = Paths({path: _Methods(path, apps) for path, apps in by_path.items()})
    layers = tuple(_layers(origins, observe))
    return _Application(paths, layers, routes=list(extra), lifespan=lifespan)


def _layers(origins: Sequence[str], observe: Observe | None) -> Iterable[Layer]:
    """From the outside in."""
    yield RequestIds
    if observe is not None:
        yield partial(Observing, observe=observe)
    if origins:
        yield partial(Cors, origins=origins)
    yield SecurityHeaders
    yield Failures
