"""Consistency tokens: a vector of positions as an opaque, URL-safe string."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Final

import msgspec

from domain.positions import Vector, merge
from web.problems import BadRequest

_PREFIX: Final = "v1."
_TOKEN_CHARS_MAX: Final = 8_192
_decoder: Final = msgspec.msgpack.Decoder(dict[str, int])


def encode(vector: Vector) -> str:
    """The token that stands for `vector`."""
    return _PREFIX + urlsafe_b64encode(msgspec.msgpack.encode(vector)).decode().rstrip("=")


def decode(values: Iterable[str]) -> dict[str, int]:
    """What all the tokens in the header values (comma-separated or repeated) cover together.

    Raises BadRequest for a token that this server did not make.
    """
    return merge(_decode_one(token) for value in values for token in value.split(",") if token)


def _decode_one(token: str) -> Vector:
    text = token.strip()
    if not text.startswith(_PREFIX) or len(text) > _TOKEN_CHARS_MAX:
        raise BadRequest("The Consistency-Token is not one of ours")
    raw = text[len(_PREFIX) :]
    try:
        return _decoder.decode(urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadRequest("The Consistency-Token is not one of ours") from error
