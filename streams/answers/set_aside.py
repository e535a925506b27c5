"""What could not be applied by who must not touch a view's dead letters: kept in memory."""

from collections.abc import Sequence

from streams.dead_letters import Asked, Build, Parked


class SetAside:
    """Implements `streams.dead_letters.DeadLetters`. What can be applied now and is parked there is
    a difference worth telling."""

    def __init__(self) -> None:
        self.parked: list[Parked] = []

    async def park(self, parked: Sequence[Parked]) -> None:
        """See `DeadLetters.park`."""
        self.parked.extend(parked)

    async def keys(self, build: Build) -> frozenset[int]:  # noqa: ARG002
        """See `DeadLetters.keys`."""
        return frozenset(letter.key for letter in self.parked if letter.key is not None)

    async def asked(self, build: Build) -> Sequence[Asked]:  # noqa: ARG002
        """Nothing: nobody knows of them."""
        return ()

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """See `DeadLetters.queue_of`."""
        return [letter]

    async def drop(self, letter: Parked) -> None:
        """See `DeadLetters.drop`."""
        self.parked.remove(letter)

    async def keep(self, letter: Parked, error: str) -> None:
        """It is kept anyway."""
