"""Which partitions of a store a process has claimed, each with the number of its claim: its epoch.

Epochs are kept in the store, beside the checkpoints. Every claim of a partition has a higher one
than that before it, so who finds a higher one than its own has been superseded.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from time import monotonic
from typing import Final

from projections.projection import Superseded

# No claim is higher: who has claimed nothing is superseded by nobody.
UNCLAIMED: Final = 2**31 - 1
# For so long what a store said is believed where asking it costs a request of its own. Others claim
# what was a process's after it has been silent for its session, which is six times as long.
BELIEVED_S: Final = 1.0


class Claims:
    """Those of one process in one store."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._epochs: dict[int, int] = {}
        self._kept: Mapping[int, int] = {}
        self._asked_at = -BELIEVED_S

    @property
    def partitions(self) -> Collection[int]:
        """Those that were ever claimed."""
        return self._epochs.keys()

    def note(self, epochs: Mapping[int, int]) -> None:
        """These partitions are claimed, with these epochs."""
        self._epochs.update(epochs)

    def of(self, partition: int) -> int:
        """The epoch with which a partition is claimed, or that of nobody."""
        return self._epochs.get(partition, UNCLAIMED)

    def check(self, checkpoint: Mapping[int, int], kept: Mapping[int, int]) -> None:
        """Raise Superseded where the store has `kept` a higher epoch of a partition of the
        checkpoint."""
        lost = [one for one in checkpoint if kept.get(one, 0) > self.of(one)]
        if lost:
            raise Superseded(lost)

    async def check_now_and_then(
        self, checkpoint: Mapping[int, int], ask: Callable[[], Awaitable[Mapping[int, int]]]
    ) -> None:
        """The same, where `ask` gets what the store has kept of all that were claimed. Raises what
        that raises."""
        if not self._epochs:
            return
        if self._clock() - self._asked_at >= BELIEVED_S:
            asked_at = self._clock()
            self._kept = await ask()
            self._asked_at = asked_at
        self.check(checkpoint, self._kept)
