"""Each request's id and trace: taken from the client if sane, told to the log, and answered."""

import os
import re
from contextvars import ContextVar
from itertools import count
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.incoming import Fields, fields_of

_SANE: Final = re.compile(r"[\w.~:+/=@-]{1,128}", re.ASCII)
# W3C Trace Context; version ff and ids of only zeros are invalid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


class RequestTrace(NamedTuple):
    """Which request is being answered."""

    request_id: str
    traceparent: str | None


# An id has to be one of its own, not a secret: to draw each would hand the interpreter to another
# thread and back, which costs a busy server more than all else here.
_numbers: Final = count(int.from_bytes(os.urandom(8), "big"))
_NUMBER: Final = (1 << 64) - 1

_current: Final[ContextVar[RequestTrace | None]] = ContextVar("request", default=None)


def current() -> RequestTrace | None:
    """The request that this task answers; None outside of requests."""
    return _current.get()


class RequestIds:
    """ASGI middleware: binds `current()` and puts `Request-Id` on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = _trace_of(fields_of(scope))
        field = (b"request-id", trace.request_id.encode("ascii"))

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], field]
            await send(message)

        before = _current.set(trace)
        try:
            await self._app(scope, receive, with_id)
        finally:
            _current.reset(before)


def _trace_of(fields: Fields) -> RequestTrace:
    given = fields.get("request-id") or fields.get("x-request-id")
    request_id = given if given and _SANE.fullmatch(given) else f"{next(_numbers) & _NUMBER:016x}"
    traceparent = fields.get("traceparent")
    if traceparent is not None and not _TRACEPARENT.fullmatch(traceparent):
        traceparent = None
    return RequestTrace(request_id, traceparent)
