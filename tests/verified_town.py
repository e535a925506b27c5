"""A town in which everything happened that can happen, for proofs about its views."""

import random
from collections.abc import Iterable
from typing import Final

from domain.events import Recorded
from tests.histories import DOINGS, PEOPLE, TEXTS, World

STEPS: Final = 400
# Everybody who closes their account takes a fifth of the town away.
CLOSING: Final = frozenset({"close"})


def history(steps: int = STEPS, *, seed: int = 1) -> list[Recorded]:
    """A log of a small world, the same each time but for its ids."""
    drawn = random.Random(seed)
    world = World()
    doings = [doing for doing in DOINGS if doing not in CLOSING]
    for _ in range(steps):
        who, whom = drawn.sample(PEOPLE, 2)
        world.do(drawn.choice(doings), who, whom, drawn.randrange(1_000), drawn.choice(TEXTS))
    # The last of them is gone in the end.
    world.do("close", PEOPLE[-1], PEOPLE[0], 0, "")
    return world.log.recorded


def happened(recorded: Iterable[Recorded]) -> set[str]:
    """The types of what is in a log."""
    return {one.event.TYPE for one in recorded}
