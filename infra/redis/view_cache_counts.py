"""What came of asking view caches, counted from the process's start."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

# This process had it; it was there; it was not, and what the store says is put in; somebody is
# writing or filling it; Redis was not asked or did not answer.
Outcome = Literal["near", "hit", "miss", "busy", "bypass"]
OUTCOMES: Final[Sequence[Outcome]] = ("near", "hit", "miss", "busy", "bypass")


class Kind(NamedTuple):
    """Values of a kind in the cache of a store."""

    cache: str
    kind: str


class CacheCounts:
    """Those of one process."""

    def __init__(self) -> None:
        self._reads: Counter[tuple[Kind, Outcome]] = Counter()

    def note(self, kind: Kind, *, hits: int, misses: int, others: int, bypassed: bool) -> None:
        """Values that were asked for at the same time; `others` were not there either, and were
        `bypassed` or are somebody's."""
        self._reads[kind, "hit"] += hits
        self._reads[kind, "miss"] += misses
        self._reads[kind, "bypass" if bypassed else "busy"] += others

    def note_near(self, kind: Kind, values: int) -> None:
        """Values for which nobody had to be asked."""
        self._reads[kind, "near"] += values

    def reads(self) -> Sequence[tuple[Kind, Outcome, int]]:
        """How many values of each kind had each outcome."""
        kinds = dict.fromkeys(kind for kind, _ in self._reads)
        return [(kind, one, self._reads[kind, one]) for kind in kinds for one in OUTCOMES]
