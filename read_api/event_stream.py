"""Server-sent events as a response: what goes over the wire, and how a stream ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

MEDIA_TYPE: Final = "text/event-stream"
HEARTBEAT: Final = b":\n\n"
RECONNECT_MS: Final = 2_000
OPENING: Final = b"retry: %d\n\n" % RECONNECT_MS
# A client that takes nothing for so long is gone; what was queued for it was bounded.
SEND_S_MAX: Final = 30.0
# Proxies that would collect the answer before they pass it on are told not to.
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def frame(name: str, event_id: int, data: bytes) -> bytes:
    """One event; `data` is JSON, which has no line breaks."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event_id, name.encode(), data)


class EventStream(StreamingResponse):
    """Sends `frames` until they end, the client is gone or takes nothing; then calls `closing`."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        *,
        closing: Callable[[], None],
        send_s_max: float = SEND_S_MAX,
    ) -> None:
        super().__init__(frames, headers=_HEADERS)
        self._frames = frames
        self._closing = closing
        self._send_s_max = send_s_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream; of a HEAD request only its beginning."""

        async def patiently(message: Message) -> None:
            async with asyncio.timeout(self._send_s_max):
                await send(message)

        try:
            if scope["method"] == "HEAD":
                await self._send_head(send)
            else:
                await super().__call__(scope, receive, patiently)
        except (TimeoutError, ClientDisconnect):
            return
        finally:
            self._closing()
            await self._frames.aclose()

    async def _send_head(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": b""})
