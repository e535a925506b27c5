"""What a rebuild has yet to do, in seconds: learnt from what it has done.

Events are not alike: a projection passes over those that it does not want, and of those that it
wants one kind may take ten times as long as another. A log that was imported has its posts in front
and its follows behind, so how fast the posts went says little. Hence a cost for each kind, and a
look at which kinds are ahead.
"""

from collections.abc import Callable, Mapping
from typing import Final

# Partition, behind which position, up to which: about how many events of each kind there are.
Kinds = Callable[[int, int, int], Mapping[str, float]]

# How many times as long as one that is passed over an event takes that is wanted, until such a
# one was seen.
WANTED_COSTS: Final = 4.0
# A shorter time says little about what happened in it.
LEARN_EVERY_S: Final = 0.5
# So many times are remembered, about: views grow, and grow slower.
REMEMBERED: Final = 20.0


def alike(_partition: int, after: int, until: int) -> Mapping[str, float]:
    """Where nothing is known about the events."""
    return {"": float(max(until - after, 0))}


class Costs:
    """Seconds that an event of each kind takes."""

    def __init__(self, is_wanted: Callable[[str], bool] = bool) -> None:
        self._is_wanted = is_wanted
        # Seconds, and events that took them: few that took long do not outweigh many that did not.
        self._learnt: dict[str, tuple[float, float]] = {}
        self._took_s = 0.0
        self._supposed = 0.0

    def learn(self, kinds: Mapping[str, float], took_s: float) -> None:
        """So many events of these kinds took so long in all."""
        self._took_s += took_s
        self._supposed += sum(number * self._first(kind) for kind, number in kinds.items())
        expected = {kind: number * self._cost(kind) for kind, number in kinds.items() if number}
        whole = sum(expected.values())
        if not whole:
            return
        largest = max(expected.values())
        for kind, part_s in expected.items():
            # Who had the largest part in it has learnt the most from it.
            weight = part_s / largest
            fading = 1 - weight / REMEMBERED
            seconds, events = self._learnt.get(kind, (0.0, 0.0))
            self._learnt[kind] = (
                seconds * fading + weight * part_s * took_s / whole,
                events * fading + weight * kinds[kind],
            )

    def of(self, kinds: Mapping[str, float]) -> float | None:
        """How long these events take; None before anything was learnt."""
        if not self._learnt:
            return None
        return sum(number * self._cost(kind) for kind, number in kinds.items())

    def _cost(self, kind: str) -> float:
        """Of a kind that was not seen yet: by how long the others took."""
        if kind in self._learnt:
            seconds, events = self._learnt[kind]
            return seconds / events
        scale = self._took_s / self._supposed if self._supposed else 1.0
        return self._first(kind) * scale

    def _first(self, kind: str) -> float:
        return WANTED_COSTS if self._is_wanted(kind) else 1.0


class Estimate:
    """How long it takes to come from where it is to `ends`, partition -> position."""

    def __init__(self, ends: Mapping[int, int], kinds: Kinds, costs: Costs) -> None:
        self._ends = ends
        self._kinds = kinds
        self._costs = costs
        self._reached: Mapping[int, int] | None = None
        self._at_s = 0.0
        self._held_s = 0.0
        self._left_s: float | None = None

    def note(self, reached: Mapping[int, int], elapsed_s: float, *, held_s: float = 0.0) -> None:
        """It is there after so long, in which it was held up for so long in all."""
        if self._reached is not None:
            if elapsed_s - self._at_s < LEARN_EVERY_S:
                return
            took_s = (elapsed_s - self._at_s) - (held_s - self._held_s)
            if took_s > 0:
                self._costs.learn(self._between(self._reached, reached), took_s)
        self._reached, self._at_s, self._held_s = dict(reached), elapsed_s, held_s
        self._left_s = self._costs.of(self._between(reached, self._ends))

    def left_s(self, elapsed_s: float) -> float | None:
        """How long from now; None before that is known."""
        if self._left_s is None:
            return None
        return max(self._left_s - (elapsed_s - self._at_s), 0.0)

    def _between(self, after: Mapping[int, int], until: Mapping[int, int]) -> Mapping[str, float]:
        whole: dict[str, float] = {}
        for partition, end in until.items():
            for kind, number in self._kinds(partition, after[partition], end).items():
                whole[kind] = whole.get(kind, 0.0) + number
        return whole
