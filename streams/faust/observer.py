"""Who counts what a worker does; metrics have their names elsewhere."""

from typing import Protocol


class Observer(Protocol):
    """Who counts."""

    def took(self, projection: str, events: int) -> None:
        """A batch of so many events was applied."""

    def assigned(self, projection: str, partitions: int) -> None:
        """The group has met: the worker reads so many partitions from now on."""

    def regressed(self, projection: str, partitions: int) -> None:
        """The store's checkpoints of so many partitions are behind what was applied there."""

    def superseded(self, projection: str, partitions: int) -> None:
        """The store refused what was applied for so many partitions: others have claimed them."""


class Unobserved:
    """Counts nothing."""

    def took(self, projection: str, events: int) -> None:
        """See `Observer.took`."""

    def assigned(self, projection: str, partitions: int) -> None:
        """See `Observer.assigned`."""

    def regressed(self, projection: str, partitions: int) -> None:
        """See `Observer.regressed`."""

    def superseded(self, projection: str, partitions: int) -> None:
        """See `Observer.superseded`."""
