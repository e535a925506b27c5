"""Answers as bytes, digests of them that no order changes, and where two answers differ."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from streams.answers.concerned import ids_in
from streams.answers.keys import SHARDS, Key

DIGEST_BYTES: Final = 16
TOLD_CHARS_MAX: Final = 200
TOLD_ITEMS_MAX: Final = 3


def encoded(answer: object) -> bytes:
    """The same for what means the same."""
    return msgspec.json.encode(answer, order="deterministic")


class Digests:
    """One for each shard of keys: the sum over (key, answer). The order makes no difference, and
    other than with exclusive or, two faults do not undo each other."""

    def __init__(self) -> None:
        self._sums = [0] * SHARDS

    def add(self, key: Key, answer: bytes) -> None:
        """Count the answer of a key, which comes once."""
        told = key.name.encode() + b"\0" + answer
        number = int.from_bytes(blake2b(told, digest_size=DIGEST_BYTES).digest())
        self._sums[key.shard] = (self._sums[key.shard] + number) % (1 << 8 * DIGEST_BYTES)

    @property
    def shards(self) -> tuple[str, ...]:
        """That of every shard."""
        return tuple(one.to_bytes(DIGEST_BYTES).hex() for one in self._sums)

    @property
    def whole(self) -> str:
        """That of all of them."""
        return blake2b("".join(self.shards).encode(), digest_size=DIGEST_BYTES).hexdigest()


class Difference(NamedTuple):
    """A part of a key's answer: what the view says and what the log says, shortened."""

    key: str
    part: str
    view: str
    log: str


def differences(key: Key, view: bytes, log: bytes) -> Iterator[Difference]:
    """Where the two answers of a key differ."""
    ours, theirs = msgspec.json.decode(view), msgspec.json.decode(log)
    for part in sorted({*ours, *theirs}):
        mine, other = ours.get(part), theirs.get(part)
        if mine != other:
            yield Difference(key.name, part, *_told(mine, other))


def ids_that_differ(view: bytes, log: bytes) -> set[int]:
    """What may be an id in what only one of two answers has."""
    ours, theirs = msgspec.json.decode(view), msgspec.json.decode(log)
    found: set[int] = set()
    for part in {*ours, *theirs}:
        mine, other = ours.get(part), theirs.get(part)
        if isinstance(mine, list) and isinstance(other, list):
            sides = [{encoded(one) for one in side} for side in (mine, other)]
            for item in sides[0] ^ sides[1]:
                found.update(ids_in(msgspec.json.decode(item)))
        elif mine != other:
            found.update(ids_in([mine, other]))
    return found


def _told(mine: Any, other: Any) -> tuple[str, str]:
    """Of lists and objects, what only one of them has."""
    if isinstance(mine, dict) and isinstance(other, dict):
        return _shortened(_only(mine, other)), _shortened(_only(other, mine))
    if isinstance(mine, list) and isinstance(other, list):
        only_mine = [one for one in mine if one not in other]
        only_other = [one for one in other if one not in mine]
        if only_mine or only_other:
            return _listed(only_mine, mine), _listed(only_other, other)
    return _shortened(mine), _shortened(other)


def _only(mine: Mapping[str, object], other: Mapping[str, object]) -> Mapping[str, object]:
    return {name: v for name, v in mine.items() if name not in other or other[name] != v}


def _listed(only: list[object], whole: list[object]) -> str:
    shown = _shortened(only[:TOLD_ITEMS_MAX])
    more = f" and {len(only) - TOLD_ITEMS_MAX} more" if len(only) > TOLD_ITEMS_MAX else ""
    return f"{shown}{more} (of {len(whole)})"


def _shortened(value: object) -> str:
    told = msgspec.json.encode(value).decode()
    return told if len(told) <= TOLD_CHARS_MAX else f"{told[:TOLD_CHARS_MAX]}..."
