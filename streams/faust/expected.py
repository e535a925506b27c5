"""Which offset comes next, for each partition that is ours: what makes gaps and repeats harmless.

Whatever Faust drops, repeats or hands over late around a rebalance, only the record that comes
next is taken. Knows no Faust and no Kafka.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar


class Numbered(Protocol):
    """A record of a partition."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""


PartitionT = TypeVar("PartitionT")
RecordT = TypeVar("RecordT", bound=Numbered)


class Taken(NamedTuple, Generic[RecordT]):
    """The records that come next; `gap`: something is missing behind them, for the first time
    since the partition was sought."""

    records: Sequence[RecordT]
    gap: bool


class Expected(Generic[PartitionT]):
    """What comes next in each partition. One that nobody began is not ours, and nothing of it
    comes next."""

    def __init__(self) -> None:
        self._next: dict[PartitionT, int] = {}
        self._sought: set[PartitionT] = set()

    @property
    def next(self) -> Mapping[PartitionT, int]:
        """The next offset of each partition that is ours."""
        return self._next

    def begin(self, offsets: Mapping[PartitionT, int]) -> None:
        """They are ours, and are read from these offsets on."""
        self._next.update(offsets)
        self._sought.difference_update(offsets)

    def end(self, partitions: Iterable[PartitionT]) -> None:
        """They are not ours any more: what still comes of them is dropped."""
        for partition in partitions:
            self._next.pop(partition, None)
            self._sought.discard(partition)

    def take(self, partition: PartitionT, records: Sequence[RecordT]) -> Taken[RecordT]:
        """What comes next among records in the order of their offsets."""
        following = self._next.get(partition)
        if following is None or not records:
            return Taken((), gap=False)
        taken = records
        if records[0].offset != following or records[-1].offset != following + len(records) - 1:
            taken = _in_turn(following, records)
        if taken:
            self._next[partition] = taken[-1].offset + 1
            self._sought.discard(partition)
        gap = records[-1].offset >= self._next[partition] and partition not in self._sought
        if gap:
            # What was on its way before the seek shows the same gap again.
            self._sought.add(partition)
        return Taken(taken, gap)


def _in_turn(following: int, records: Sequence[RecordT]) -> Sequence[RecordT]:
    """Those that follow each other from an offset on, without a gap."""
    taken = []
    for record in records:
        if record.offset == following:
            taken.append(record)
            following += 1
    return taken
