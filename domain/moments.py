"""Moments of the log that are past, as people name them: a time, or a position for partitions.

`2026-01-31T10:30:00Z` is a time (RFC 3339); `new_reply/0:4,new_tweet/3:17` says how far which
partitions are (`log/0:30` in the embedded profile).
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from domain.ids import rfc3339
from domain.positions import Vector

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What can be written in four digits of a year.
_MS_MAX: Final = 253_402_300_799_999
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_PLACE: Final = re.compile(r"([a-z_]{1,32}/[0-9]{1,3}):([0-9]{1,18})")


class NotAMoment(ValueError):
    """The text names none."""


class Moment(NamedTuple):
    """Exactly one of the two says which: Unix milliseconds, or how far partitions are."""

    at_ms: int | None
    vector: Vector

    @property
    def name(self) -> str:
        """The one way it is written: equal moments have equal names."""
        if self.at_ms is not None:
            return rfc3339(self.at_ms)
        return ",".join(f"{place}:{position}" for place, position in sorted(self.vector.items()))


def moment_named(text: str) -> Moment:
    """The moment. What is less than a millisecond is cut off. Raises NotAMoment."""
    if _TIME.fullmatch(text):
        return Moment(_millis(text), {})
    places = _places(text)
    found = [_PLACE.fullmatch(place) for place in places]
    vector = {match[1]: int(match[2]) for match in found if match is not None}
    if len(vector) < len(places) or not vector:
        raise NotAMoment(
            f"{text} is neither a time in RFC 3339, such as 2026-01-31T10:30:00Z, nor positions, "
            "such as new_tweet/3:17,new_reply/0:4"
        )
    return Moment(None, vector)


def _places(text: str) -> list[str]:
    """Also of a JSON object, as programs are told vectors."""
    if not text.startswith("{"):
        return [place.strip() for place in text.split(",")]
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return [f"{place}:{position}" for place, position in members.items()]


def _millis(text: str) -> int:
    try:
        since = datetime.fromisoformat(text.upper()) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise NotAMoment(f"{text} is not a time that there is") from error
    ms = since // timedelta(milliseconds=1)
    if not 0 <= ms <= _MS_MAX:
        raise NotAMoment(f"{text} is not of our time")
    return ms
