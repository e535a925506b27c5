"""ASGI middleware: which pages of other origins may call, and what they may read of answers."""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.incoming import fields_of
from web.outgoing import AS_OF, TOKEN_HEADER

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ACCEPTED: Final = (
    "Authorization",
    AS_OF,
    TOKEN_HEADER,
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Request-Id",
    "Traceparent",
)
EXPOSED: Final = (
    AS_OF,
    "Link",
    "Location",
    "ETag",
    TOKEN_HEADER,
    "Idempotency-Replayed",
    "Retry-After",
    "Request-Id",
    "RateLimit",
    "RateLimit-Policy",
)
PREFLIGHT_AGE_S: Final = 7_200
_VARY: Final = (b"vary", b"Origin")


class Cors:
    """Starlette's middleware for browsers; everybody else passes it by."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._for_browsers = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=ACCEPTED,
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_AGE_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "origin" in fields_of(scope):
            await self._for_browsers(scope, receive, send)
            return

        async def varied(message: Message) -> None:
            if message["type"] == "http.response.start":
                # What is kept of this answer must not be shown to a browser's page.
                message["headers"] = [*message["headers"], _VARY]
            await send(message)

        await self._app(scope, receive, varied)
