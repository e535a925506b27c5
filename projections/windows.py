"""Which part of a list of items is asked for."""

from typing import NamedTuple

from domain.ids import ID_MAX


class Window(NamedTuple):
    """Bounds by item id, all exclusive: below `max_id`, the newest above `since_id`, or the next
    above `min_id`. Whichever is asked, items come newest first."""

    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None

    @property
    def above(self) -> int:
        """Every item's id is greater than this."""
        return max(self.since_id or 0, self.min_id or 0)

    @property
    def below(self) -> int:
        """Every item's id is less than this."""
        return ID_MAX if self.max_id is None else self.max_id

    @property
    def upwards(self) -> bool:
        """Whether the items nearest the lower bound are wanted, not the newest."""
        return self.min_id is not None
