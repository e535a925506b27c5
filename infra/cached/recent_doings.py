"""What somebody did with the newest posts that they did anything with, as one entry of a cache.

Whatever is newer than the oldest of these, and not among them, they did nothing with: so a page of
new posts needs no look at a store, though nobody has asked for any of them before.
"""

from collections.abc import Mapping
from itertools import product
from struct import Struct
from typing import Final, NamedTuple

import msgspec

from domain.ids import PostId
from domain.objects import PostViewer

KEPT: Final = 64


class Recent(NamedTuple):
    """All that was done with posts from `floor` on, as `Card.viewer`."""

    floor: int
    done: Mapping[PostId, bytes]


NEVER: Final = Recent(0, {})

_VIEWERS: Final = [
    msgspec.json.encode(PostViewer(*did)) for did in product((False, True), repeat=3)
]
_NUMBERS: Final = {viewer: number for number, viewer in enumerate(_VIEWERS)}
_FLOOR: Final = Struct("<q")
_ENTRY: Final = Struct("<qB")


def recent_of(newest: Mapping[PostId, bytes], kept: int) -> Recent:
    """Of the newest posts, `kept` of them or all if there are fewer."""
    floor = min(newest) if len(newest) >= kept else 0
    return Recent(floor, {one: did for one, did in newest.items() if did != _VIEWERS[0]})


def packed(recent: Recent) -> bytes:
    """Never empty."""
    entries = (_ENTRY.pack(post_id, _NUMBERS[did]) for post_id, did in recent.done.items())
    return _FLOOR.pack(recent.floor) + b"".join(entries)


def unpacked(entry: bytes) -> Recent:
    """What was packed."""
    (floor,) = _FLOOR.unpack_from(entry)
    done = {PostId(one): _VIEWERS[did] for one, did in _ENTRY.iter_unpack(entry[_FLOOR.size :])}
    return Recent(floor, done)
