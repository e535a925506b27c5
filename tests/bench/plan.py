"""A run of the bench: over which folder, and how long everything is measured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.figures import Figures
from tests.bench.world import World


@dataclass(frozen=True, slots=True)
class Plan:
    """Durations in seconds; `rounds` and `seen` are counts."""

    turn_s: float
    rounds: int
    step_s: float
    sustained_s: float
    seen: int


WHOLE: Final = Plan(turn_s=5, rounds=5, step_s=8, sustained_s=60, seen=400)
QUICK: Final = Plan(turn_s=2, rounds=2, step_s=3, sustained_s=6, seen=60)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement is given."""

    folder: Path
    world: World
    plan: Plan
    figures: Figures
