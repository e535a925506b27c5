"""What projections read: the log by partition and position."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from domain.events import Event, Recorded


class Unreadable(NamedTuple):
    """A stored event that cannot be decoded. `unknown_type`: newer than this program, so wait
    for a deployment; otherwise it is garbage, to be parked."""

    position: int
    name: str
    state: bytes
    error: str
    unknown_type: bool
    partition: int = 0


Fed = Recorded | Unreadable


class Lookup(Protocol):
    """Where events are looked up."""

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        """Up to `limit` events behind position `after`, in order; empty at the head.

        Raises Unavailable.
        """


class Feed(Lookup, Protocol):
    """An ordered, durable sequence of events for each partition."""

    @property
    def partitions(self) -> Sequence[int]:
        """The partitions that there are (`domain.topics`)."""

    async def wait(self, partition: int, after: int) -> None:
        """Return once there is an event behind `after`."""

    def head(self, partition: int) -> int:
        """The position of the newest event; 0 for an empty partition."""


class SelectiveFeed(Feed, Protocol):
    """One of which the events of some types can be read: what the others cost to decode is saved
    where they are told apart before."""

    async def read_types(
        self, partition: int, after: int, until: int, types: Collection[type[Event]]
    ) -> Sequence[Recorded]:
        """Those of these types behind `after` up to and including `until`, in order, without any
        that cannot be read. Raises Unavailable."""
