"""What is told while an import runs."""

import pytest

from infra.importing.tally import Progress, Tally
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


def test_progress_has_a_pace_and_a_time_to_go(clock: Clock) -> None:
    told: list[Progress] = []
    tally = Tally(told.append, clock)
    tally.lines_total = 40
    clock.now += 2
    tally.summary.events = 30

    tally.read(10)

    assert told[-1].events_per_s == 15
    assert told[-1].remaining_s == 6


def test_it_is_told_ten_times_a_second_at_most(clock: Clock) -> None:
    told: list[Progress] = []
    tally = Tally(told.append, clock)

    for _ in range(100):
        clock.now += 0.01
        tally.read(1)

    assert 5 <= len(told) <= 11


def test_the_end_is_told_as_the_whole(clock: Clock) -> None:
    told: list[Progress] = []
    tally = Tally(told.append, clock)
    tally.lines_total = 40
    clock.now += 2

    assert tally.end().elapsed_s == 2
    assert told[-1].lines == 40


def test_before_the_first_line_nobody_knows_how_long_it_takes(clock: Clock) -> None:
    told: list[Progress] = []

    Tally(told.append, clock).begin("posts")

    assert (told[0].phase, told[0].remaining_s, told[0].events_per_s) == ("posts", None, 0)
