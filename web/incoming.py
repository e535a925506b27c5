"""What a request brings: its header fields, and its body within a limit."""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from web.problems import BadRequest, TooLarge

BODY_BYTES_MAX: Final = 64 * 1024
_KEY: Final = "starling.fields"


class Fields(dict[str, str]):
    """Header fields, found under their names in any case; repeated ones are joined by commas."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or `default`."""
        return super().get(name.lower(), default)


def fields_of(scope: Scope) -> Fields:
    """The request's header fields; read once, however many layers ask."""
    known: Fields | None = scope.get(_KEY)
    if known is not None:
        return known
    fields = Fields()
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        before = dict.get(fields, name)
        fields[name] = value if before is None else f"{before}, {value}"
    scope[_KEY] = fields
    return fields


async def read_body(fields: Fields, receive: Receive) -> bytes:
    """The whole body. Raises TooLarge above BODY_BYTES_MAX, as early as it shows."""
    declared = fields.get("content-length")
    if declared is not None and _length(declared) > BODY_BYTES_MAX:
        raise TooLarge(f"A body may have {BODY_BYTES_MAX} bytes")
    message = await receive()
    if not message.get("more_body", False):
        return _chunk(message, 0)
    chunks = [_chunk(message, 0)]
    size = len(chunks[0])
    while message.get("more_body", False):
        message = await receive()
        chunks.append(_chunk(message, size))
        size += len(chunks[-1])
    return b"".join(chunks)


def _chunk(message: MutableMapping[str, Any], before: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    chunk: bytes = message.get("body", b"")
    if before + len(chunk) > BODY_BYTES_MAX:
        raise TooLarge(f"A body may have {BODY_BYTES_MAX} bytes")
    return chunk


def _length(declared: str) -> int:
    if not (declared.isascii() and declared.isdigit() and len(declared) <= 20):
        raise BadRequest("The Content-Length is not a number")
    return int(declared)
