"""Consistency tokens: a vector of positions as an opaque, URL-safe string.

A token grants nothing, so its check only keeps out what was cut or mistyped on the way: waiting
for a position that never comes would look like a view that lags.
"""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from domain.positions import Vector, merge
from web.opaque import unwrap, wrap
from web.problems import BadRequest

_PREFIX: Final = "v1."
_PURPOSE: Final = "consistency"
_TOKEN_CHARS_MAX: Final = 8_192
_decoder: Final = msgspec.msgpack.Decoder(dict[str, Annotated[int, Meta(ge=0)]])


def encode(vector: Vector) -> str:
    """The token that stands for `vector`."""
    return _PREFIX + wrap(msgspec.msgpack.encode(vector), of=_PURPOSE)


def decode(values: Iterable[str]) -> dict[str, int]:
    """What all the tokens in the header values (comma-separated or repeated) cover together.

    Raises BadRequest for a token that this server did not make.
    """
    tokens = (token.strip() for value in values for token in value.split(","))
    return merge(_decode_one(token) for token in tokens if token)


def _decode_one(token: str) -> Vector:
    if not token.startswith(_PREFIX) or len(token) > _TOKEN_CHARS_MAX:
        raise BadRequest("The Consistency-Token is not one of ours")
    try:
        return _decoder.decode(unwrap(token[len(_PREFIX) :], of=_PURPOSE))
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadRequest("The Consistency-Token is not one of ours") from error
