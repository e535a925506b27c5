"""Events that a projection could not take: parked, listed, retried or discarded."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Parked(NamedTuple):
    """An event that a projection could not take, and why; `key` None if it was unreadable."""

    projection: str
    partition: int
    position: int
    key: int | None
    error: str


class Asked(NamedTuple):
    """What an administrator asked for about a dead letter: to retry it and what follows it by
    key, or to `discard` it."""

    letter: Parked
    discard: bool


class DeadLetters(Protocol):
    """Where events wait that could not be applied. Durable before the checkpoint passes them."""

    async def park(self, parked: Sequence[Parked]) -> None:
        """Keep them; parking the same event again changes nothing. Raises StoreUnavailable."""

    async def keys(self, projection: str) -> frozenset[int]:
        """Keys with parked events: later events of theirs must follow. Raises StoreUnavailable."""

    async def asked(self, projection: str) -> Sequence[Asked]:
        """What was asked for and is not answered yet. Raises StoreUnavailable."""

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """The parked events of its key in its partition, oldest first; of an unreadable one, only
        itself. Raises StoreUnavailable."""

    async def drop(self, letter: Parked) -> None:
        """It was applied, or is discarded. Raises StoreUnavailable."""

    async def keep(self, letter: Parked, error: str) -> None:
        """It still cannot be applied: what was asked for is answered. Raises StoreUnavailable."""
