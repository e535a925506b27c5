"""Ids keep their order across processes whose clocks differ a little."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unavailable
from domain.ids import compose, millis_of
from infra.stamps import AHEAD_MS_MAX, Lease, LeasedStamps
from tests.facts import NOON_MS

LEASED_MS: Final = 10_000_000


class Leases:
    def acquire(self, now_ms: int) -> Lease:
        return Lease(3, now_ms + LEASED_MS)

    def extend(self, lease: Lease, now_ms: int) -> Lease:
        return Lease(lease.worker, now_ms + LEASED_MS)


class Surroundings:
    """A clock, and what was seen in the feed."""

    def __init__(self) -> None:
        self.ms = NOON_MS
        self.seen_id = 0
        self.stamps = LeasedStamps(Leases(), clock_ms=lambda: self.ms, seen=lambda: self.seen_id)


@given(
    steps=st.lists(
        st.tuples(st.integers(-3, 5), st.integers(-1_000, AHEAD_MS_MAX - 2), st.integers(0, 4)),
        max_size=40,
    )
)
def test_an_id_is_greater_than_all_that_were_seen_and_made_before(
    steps: list[tuple[int, int, int]],
) -> None:
    around = Surroundings()
    made = [0]
    for passed_ms, seen_ahead_ms, count in steps:
        around.ms = max(around.ms + passed_ms, NOON_MS)
        around.seen_id = max(around.seen_id, compose(around.ms + seen_ahead_ms, 900, 4_000))
        for _ in range(count):
            try:
                made.append(around.stamps.event_id())
            except Unavailable:
                return
            assert made[-1] > made[-2]
            if around.ms <= millis_of(around.seen_id) < around.ms + AHEAD_MS_MAX:
                assert made[-1] > around.seen_id


def test_what_was_seen_from_far_ahead_draws_no_further_than_this_clock_may_be() -> None:
    around = Surroundings()
    around.seen_id = compose(NOON_MS + 3_600_000, 900, 0)

    assert millis_of(around.stamps.event_id()) <= NOON_MS + AHEAD_MS_MAX


def test_no_id_is_made_by_a_clock_that_is_not_trusted() -> None:
    def check() -> None:
        raise Unavailable("The clock is wrong")

    stamps = LeasedStamps(Leases(), clock_ms=lambda: NOON_MS, check=check)

    with pytest.raises(Unavailable, match="wrong"):
        stamps.event_id()
