"""ASGI middleware: what browsers are told on every answer, unless a page says otherwise."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A page of our own brings its own policy and caching; an API answer runs and embeds nothing.
_REPLACEABLE: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_HTTPS_ONLY: Final = ((b"strict-transport-security", b"max-age=31536000"),)


class SecurityHeaders:
    """Adds the header fields to answers over HTTP."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        always = _ALWAYS + _HTTPS_ONLY if scope.get("scheme") == "https" else _ALWAYS

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                names = {name for name, _ in headers}
                own = [field for field in _REPLACEABLE if field[0] not in names]
                message["headers"] = [*headers, *own, *always]
            await send(message)

        await self._app(scope, receive, secured)
