"""Snowflake ids: 64-bit integers that sort by time, so an id is also the moment it was made.

Layout as published with Twitter's Snowflake (github.com/twitter-archive/snowflake): 41 bits of
milliseconds since 2010-11-04T01:42:54.657Z, 10 bits of worker number, 12 bits of sequence.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, NewType

AccountId = NewType("AccountId", int)
PostId = NewType("PostId", int)
ItemId = NewType("ItemId", int)
EventId = NewType("EventId", int)

EPOCH_MS: Final = 1_288_834_974_657
WORKER_BITS: Final = 10
SEQUENCE_BITS: Final = 12
SEQUENCE_MAX: Final = (1 << SEQUENCE_BITS) - 1
# The last worker number is never leased: backdated (imported) ids carry it, so they cannot
# collide with an id that a running process hands out.
IMPORT_WORKER: Final = (1 << WORKER_BITS) - 1
LEASED_WORKER_MAX: Final = IMPORT_WORKER - 1
ID_MAX: Final = (1 << 63) - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = _EPOCH.replace(tzinfo=None)


def compose(ms: int, worker: int, sequence: int) -> int:
    """The id of Unix time `ms` (milliseconds), made by `worker`; ValueError outside its range."""
    since_epoch = ms - EPOCH_MS
    if not 0 <= since_epoch < 1 << 41:
        raise ValueError(f"{ms} ms is outside the range of ids")
    if not (0 <= worker <= IMPORT_WORKER and 0 <= sequence <= SEQUENCE_MAX):
        raise ValueError(f"worker {worker} or sequence {sequence} is outside its range")
    return since_epoch << (WORKER_BITS + SEQUENCE_BITS) | worker << SEQUENCE_BITS | sequence


def millis_of(snowflake: int) -> int:
    """Unix milliseconds at which the id was made."""
    return (snowflake >> (WORKER_BITS + SEQUENCE_BITS)) + EPOCH_MS


def is_imported(snowflake: int) -> bool:
    """Whether an import made the id, for a time of its own choice."""
    return snowflake >> SEQUENCE_BITS & IMPORT_WORKER == IMPORT_WORKER


def first_id_at(ms: int) -> int:
    """The lowest id of that millisecond, clipped to the ids there can be: a bound for paging."""
    since_epoch = min(max(ms - EPOCH_MS, 0), (1 << 41) - 1)
    return since_epoch << (WORKER_BITS + SEQUENCE_BITS)


def time_of(snowflake: int) -> datetime:
    """The moment at which the id was made, aware, UTC."""
    return _EPOCH + timedelta(milliseconds=millis_of(snowflake))


def rfc3339(ms: int) -> str:
    """RFC 3339, UTC, milliseconds: the one way times are written for clients."""
    return f"{(_NAIVE_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec='milliseconds')}Z"
