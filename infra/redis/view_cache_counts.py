"""What came of asking view caches, counted from the process's start."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """Values of a kind in the cache of a store."""

    cache: str
    kind: str


@dataclass(slots=True)
class Outcomes:
    """Of so many values: this process had them; they were there; they were not, and what the store
    says was put in; somebody was writing or filling them; Redis was not asked or did not answer."""

    near: int = 0
    hit: int = 0
    miss: int = 0
    busy: int = 0
    bypass: int = 0

    def note(self, *, near: int, hits: int, misses: int, others: int, bypassed: bool) -> None:
        """Values that were asked for at the same time; `others` were nowhere, and were `bypassed`
        or are somebody's."""
        self.near += near
        self.hit += hits
        self.miss += misses
        if bypassed:
            self.bypass += others
        else:
            self.busy += others


OUTCOMES: Final = tuple(field.name for field in fields(Outcomes))


class CacheCounts:
    """Those of one process."""

    def __init__(self) -> None:
        self._reads: dict[Kind, Outcomes] = {}

    def of(self, kind: Kind) -> Outcomes:
        """Those of a kind, to be counted on."""
        return self._reads.setdefault(kind, Outcomes())

    def reads(self) -> Sequence[tuple[Kind, str, int]]:
        """How many values of each kind had each outcome, of kinds that were ever read."""
        return [
            (kind, outcome, number)
            for kind, counted in self._reads.items()
            if counted != Outcomes()
            for outcome, number in zip(OUTCOMES, astuple(counted), strict=True)
        ]
