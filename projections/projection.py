"""What a projection is: a name, the events it wants, and a pure function to store operations."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from domain.events import Event, Recorded

OperationT = TypeVar("OperationT")
OperationT_contra = TypeVar("OperationT_contra", contravariant=True)


class StoreUnavailable(Exception):
    """The engine does not answer: wait and apply the same operations again."""


class Superseded(Exception):
    """Another process has claimed partitions since this one did, and applies their events now."""

    def __init__(self, partitions: Collection[int]) -> None:
        super().__init__(f"another process has claimed the partitions {sorted(partitions)}")
        self.partitions = partitions


class Checkpoints(Protocol):
    """How far a store is, kept inside the store itself."""

    async def checkpoint(self) -> Mapping[int, int]:
        """Partition -> position of the last event applied. Raises StoreUnavailable."""


class Store(Checkpoints, Protocol[OperationT_contra]):
    """Where a projection's operations go. What a store answers is a function of the set of
    operations ever applied: order and repetition make no difference."""

    async def apply(
        self, operations: Sequence[OperationT_contra], checkpoint: Mapping[int, int]
    ) -> None:
        """Apply all of them and move the checkpoint (never back), in one step where it can.

        Raises StoreUnavailable; then apply the same again.
        """


class SharedStore(Store[OperationT_contra], Protocol[OperationT_contra]):
    """A store that several processes fill, each from partitions of its own.

    Where a process has claimed a partition, `apply` moves its checkpoint only as long as no other
    process has claimed it since; it raises Superseded then. What an engine writes in a transaction
    is not written either; elsewhere what was written is what the other one writes too.
    """

    async def claim(self, partitions: Collection[int]) -> None:
        """Take over the checkpoints of these partitions. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Projection:
    """`events` are the types it wants; `project` turns a batch of them into operations.

    Raising `version` means another shape: the projection is rebuilt from the log. Between its
    batches events gather for `rest_s` seconds, unless a read waits for it: an event that comes
    alone is applied at once, but of many a batch costs a fraction of what each would alone.
    """

    name: str
    version: int
    events: frozenset[type[Event]]
    project: Callable[[Sequence[Recorded]], Sequence[Any]]
    rest_s: float = 0.05
