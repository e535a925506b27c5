"""Workers of one process look together for what was asked about dead letters."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from infra.asked_together import AskedOfAll, AskedTogether
from projections.projection import StoreUnavailable
from streams.dead_letters import Asked, Build, Parked
from tests.clock import Clock

TRENDS, HOMES = Build("trends", 1, 1), Build("home_timelines", 2, 1)
LETTER = Parked(TRENDS, 1_000, 5, None, "a bug")
ASKED = Asked(LETTER, discard=True)


class Letters:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.requested: dict[Build, Sequence[Asked]] = {TRENDS: [ASKED]}
        self.looks = 0
        self.away = False
        self.park = self.keys = self.queue_of = None

    async def asked_of_all(self) -> Mapping[Build, Sequence[Asked]]:
        self.looks += 1
        if self.away:
            raise StoreUnavailable
        return dict(self.requested)

    async def drop(self, letter: Parked) -> None:
        del self.requested[letter.build]

    async def keep(self, letter: Parked, error: str) -> None:
        await self.drop(letter)


def together(letters: Letters, clock: Clock) -> AskedTogether:
    return AskedTogether(cast("AskedOfAll", letters), every_s=0.9, clock=clock)


async def test_one_look_is_for_all_builds_until_it_is_old() -> None:
    letters, clock = Letters(), Clock()
    both = together(letters, clock)

    assert [*await both.asked(TRENDS), *await both.asked(HOMES)] == [ASKED]
    assert letters.looks == 1
    letters.requested[HOMES] = [ASKED]
    clock.now = 0.8
    assert await both.asked(HOMES) == ()
    clock.now = 1.0
    assert await both.asked(HOMES) == [ASKED]
    assert letters.looks == 2


@pytest.mark.parametrize("answer", [AskedTogether.drop, AskedTogether.keep])
async def test_what_was_answered_is_not_asked_for_again(answer: Any) -> None:
    letters, clock = Letters(), Clock()
    both = together(letters, clock)
    await both.asked(TRENDS)

    await (both.drop(LETTER) if answer is AskedTogether.drop else both.keep(LETTER, "still"))

    assert await both.asked(TRENDS) == ()


async def test_an_outage_is_told_and_looked_behind_at_once() -> None:
    letters, clock = Letters(), Clock()
    both = together(letters, clock)
    letters.away = True
    with pytest.raises(StoreUnavailable):
        await both.asked(TRENDS)
    letters.away = False

    assert await both.asked(TRENDS) == [ASKED]
