"""Which partitions of a store a process has claimed, each with the number of its claim: its epoch.

Epochs are kept in the store, beside the checkpoints. Every claim of a partition has a higher one
than that before it, so who finds a higher one than its own has been superseded.
"""

from collections.abc import Mapping
from typing import Final

from projections.projection import Superseded

# No claim is higher: who has claimed nothing is superseded by nobody.
UNCLAIMED: Final = 2**31 - 1


class Claims:
    """Those of one process in one store."""

    def __init__(self) -> None:
        self._epochs: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._epochs)

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
