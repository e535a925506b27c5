"""Sends a Reply: the status line, its header fields, the token and the body."""

from collections.abc import Iterable
from typing import Final

from starlette.types import Scope, Send

from web import consistency
from web.routing import Reply

TOKEN_HEADER: Final = "Consistency-Token"
AS_OF: Final = "As-Of"
HeaderFields = Iterable[tuple[bytes, bytes]]

_TOKEN: Final = TOKEN_HEADER.lower().encode()
_MEDIA_TYPES: dict[str, bytes] = {}


async def send_reply(reply: Reply, extra: HeaderFields, scope: Scope, send: Send) -> None:
    """Send `reply` with `extra` fields; a HEAD request gets everything but the body."""
    status, body, headers, vector, media_type = reply
    fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if body:
        encoded = _MEDIA_TYPES.get(media_type)
        if encoded is None:
            encoded = _MEDIA_TYPES[media_type] = media_type.encode("latin-1")
        fields.append((b"content-type", encoded))
    if status not in {204, 304}:
        fields.append((b"content-length", b"%d" % len(body)))
    if vector is not None:
        fields.append((_TOKEN, consistency.encode(vector).encode("ascii")))
    fields.extend(extra)
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
