"""The event log for people to look at: unlike the feed, it tells also what cannot be decoded."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from domain.errors import Unavailable
from domain.ids import millis_of, rfc3339
from domain.positions import EMBEDDED_LOG
from streams.envelope import Codec, UnknownEventType, UnreadableEvent


class NotInLog(Exception):
    """There is nothing of this name in the log, or it cannot be found by it."""


class Told(msgspec.Struct, frozen=True):
    """A stored event; `at` is empty and `event` says why where it cannot be decoded. One that is
    decided and not in its topic yet has position 0."""

    position: int
    at: str
    type: str
    stream: str
    version: int
    event: Any
    partition: str = EMBEDDED_LOG

    @property
    def place(self) -> str:
        """Where it is, as `LogReader.at` takes it."""
        if self.partition == EMBEDDED_LOG:
            return str(self.position)
        return f"{self.partition}:{self.position}"


class TypeStats(msgspec.Struct, frozen=True):
    """How many events of a type there are, and how large they are as stored."""

    type: str
    events: int
    bytes: int


class Stats(msgspec.Struct, frozen=True):
    """What is in the log; `head` is the sum of the newest positions of its partitions."""

    head: int
    events: int
    bytes: int
    streams: int
    types: tuple[TypeStats, ...]
    partitions: Mapping[str, int]


class LogReader(Protocol):
    """Reads a log that other processes may be writing."""

    def newest(self, count: int) -> Iterable[Told]:
        """The newest `count` events, oldest first. Raises Unavailable."""

    def coming(self) -> Sequence[Told]:
        """What came since `newest` and the last time; perhaps not all of it at once. Raises
        Unavailable."""

    def named(self, what: str) -> Sequence[Told]:
        """The events of a stream or register, oldest first, or the one at a place
        (`Told.place`). Raises NotInLog, Unavailable."""

    def stats(self) -> Stats:
        """Counts; reads the whole log. Raises Unavailable."""


def told(
    codec: Codec,
    name: str,
    state: bytes,
    *,
    position: int,
    stream: str,
    version: int,
    partition: str = EMBEDDED_LOG,
) -> Told:
    """A stored event as it is told."""
    at, event = "", None
    try:
        decoded = codec.decode(name, state)
        at, event = rfc3339(millis_of(decoded.event_id)), msgspec.to_builtins(decoded)
    except (UnknownEventType, UnreadableEvent, Unavailable) as error:
        event = f"{type(error).__name__}: {error}"
    return Told(position, at, name, stream, version, event, partition)


def stats_of(types: Iterable[TypeStats], streams: int, partitions: Mapping[str, int]) -> Stats:
    """The counts in all."""
    found = tuple(types)
    return Stats(
        head=sum(partitions.values()),
        events=sum(one.events for one in found),
        bytes=sum(one.bytes for one in found),
        streams=streams,
        types=found,
        partitions=partitions,
    )
