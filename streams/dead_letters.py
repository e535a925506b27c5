"""Events that a projection could not take: parked, listed, retried or discarded."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

# Letters of one generation. What goes on beyond is no odd event but a bug of ours, and later
# events of the parked keys: better that the projection stops than that it ends up empty.
PARKED_MAX: Final = 10_000


class Build(NamedTuple):
    """A generation of a projection. Each parks for itself what its own store lacks, and takes it
    in again by itself."""

    projection: str
    version: int
    generation: int


class Parked(NamedTuple):
    """An event that a build could not take, and why; `key` None if it was unreadable."""

    build: Build
    partition: int
    position: int
    key: int | None
    error: str


class Asked(NamedTuple):
    """What an administrator asked for about a dead letter: to retry it and what follows it by
    key, or to `discard` it."""

    letter: Parked
    discard: bool


class TooManyParked(Exception):
    """A build has as many dead letters as it may have; the message is for a person."""

    def __init__(self, letters: int) -> None:
        super().__init__(
            f"It has {letters:,} dead letters, the most it may have: mend the program, "
            "then retry them, or discard them"
        )


class DeadLetters(Protocol):
    """Where events wait that could not be applied. Durable before the checkpoint passes them."""

    async def park(self, parked: Sequence[Parked]) -> None:
        """Keep letters of one build; parking the same event again changes nothing.

        Raises TooManyParked (none of them was kept), StoreUnavailable.
        """

    async def keys(self, build: Build) -> frozenset[int]:
        """Keys with parked events: later events of theirs must follow. Raises StoreUnavailable."""

    async def asked(self, build: Build) -> Sequence[Asked]:
        """What was asked for and is not answered yet. Raises StoreUnavailable."""

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """The parked events of its key in its partition, oldest first; of an unreadable one, only
        itself. Raises StoreUnavailable."""

    async def drop(self, letter: Parked) -> None:
        """It was applied, or is discarded. Raises StoreUnavailable."""

    async def keep(self, letter: Parked, error: str) -> None:
        """It still cannot be applied: what was asked for about it, and the retries of what follows
        it, are answered. Raises StoreUnavailable."""
