"""ASGI middleware: tells a callable about every answer. What it keeps is its own affair."""

from time import perf_counter
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ROUTE: Final = "(no route)"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observe(Protocol):
    """Notes an answer. Called for each request on the event loop: it must be quick."""

    def __call__(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """`route` is the path's template, `seconds` the time until the answer began."""


class Observing:
    """Measures from the request's arrival to the first byte of its answer."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"]
                self._observe(
                    # A stranger can invent paths and methods without end; names must stay few.
                    route=scope.get("path_template", NO_ROUTE),
                    method=method if method in _METHODS else "other",
                    status=message["status"],
                    seconds=perf_counter() - began,
                )
            await send(message)

        await self._app(scope, receive, observed)
