"""Consistency tokens: a vector of positions as an opaque, URL-safe string.

A token grants nothing, so its check only keeps out what was cut or mistyped on the way: waiting
for a position that never comes would look like a view that lags.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from domain.positions import Vector, merge
from web.problems import BadRequest

_PREFIX: Final = "v1."
_TOKEN_CHARS_MAX: Final = 8_192
_CHECK_BYTES: Final = 4
_decoder: Final = msgspec.msgpack.Decoder(dict[str, Annotated[int, Meta(ge=0)]])


def encode(vector: Vector) -> str:
    """The token that stands for `vector`."""
    packed = msgspec.msgpack.encode(vector)
    return _PREFIX + urlsafe_b64encode(_check(packed) + packed).decode().rstrip("=")


def decode(values: Iterable[str]) -> dict[str, int]:
    """What all the tokens in the header values (comma-separated or repeated) cover together.

    Raises BadRequest for a token that this server did not make.
    """
    tokens = (token.strip() for value in values for token in value.split(","))
    return merge(_decode_one(token) for token in tokens if token)


def _decode_one(token: str) -> Vector:
    if not token.startswith(_PREFIX) or len(token) > _TOKEN_CHARS_MAX:
        raise BadRequest("The Consistency-Token is not one of ours")
    text = token[len(_PREFIX) :]
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        packed = raw[_CHECK_BYTES:]
        if raw[:_CHECK_BYTES] == _check(packed):
            return _decoder.decode(packed)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        pass
    raise BadRequest("The Consistency-Token is not one of ours")


def _check(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_CHECK_BYTES).digest()
