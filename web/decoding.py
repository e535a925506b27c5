"""Bodies and queries into typed values, with a precise refusal for whatever is wrong."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from domain.errors import Invalid
from web.problems import BadRequest, UnsupportedMediaType

WAIT_S_DEFAULT: Final = 2.0
WAIT_S_MAX: Final = 10.0
_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_UNKNOWN_FIELD: Final = re.compile(r"unknown field `(?P<field>[^`]*)`")
_MISSING_FIELD: Final = re.compile(r"missing required field `(?P<field>[^`]*)`")
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(\d+)")
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def decode_body(kind: type[msgspec.Struct] | None, raw: bytes, content_type: str | None) -> Any:
    """The body as `kind`. Raises UnsupportedMediaType, BadRequest (no JSON), Invalid (422)."""
    if kind is None:
        return None
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Invalid(_pointed(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}") from error


def decode_query(kind: type[msgspec.Struct] | None, raw: bytes) -> Any:
    """The query as `kind`; parameters it does not know are ignored. Raises Invalid (422)."""
    if kind is None:
        return None
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise BadRequest("The query cannot be read") from error
    values: dict[str, Any] = {}
    many = _repeated(kind)
    for name, value in pairs:
        if name in many:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(_pointed(str(error))) from error


def wait_seconds(prefer: str | None) -> float:
    """How long a read may wait for its tokens: `Prefer: wait=N`, at most 10 s."""
    found = _WAIT.search(prefer) if prefer else None
    return WAIT_S_DEFAULT if found is None else min(float(found[1]), WAIT_S_MAX)


def _repeated(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Fields of `kind` that may be given several times: those typed as tuples."""
    found = _repeated_fields.get(kind)
    if found is None:
        hints = {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
        found = frozenset(n for n, t in hints.items() if getattr(t, "__origin__", None) is tuple)
        _repeated_fields[kind] = found
    return found


_repeated_fields: dict[type[msgspec.Struct], frozenset[str]] = {}


def _pointed(message: str) -> tuple[str, str]:
    """msgspec's message as (JSON pointer, detail)."""
    at = _PATH.search(message)
    pointer = ""
    detail = message
    if at is not None:
        pointer = re.sub(r"\.|\[", "/", at["path"]).replace("]", "")
        detail = message[: at.start()]
    for pattern in (_UNKNOWN_FIELD, _MISSING_FIELD):
        named = pattern.search(detail)
        if named is not None:
            pointer = f"{pointer}/{named['field']}"
    return pointer, detail
