"""Where a partition was at a time."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import IMPORT_WORKER, compose, millis_of
from streams.moments import DISORDER, LOOK, Dated, dated, first_later, position_at
from tests.facts import NOON_MS

SECOND_MS = 1_000


class Partition:
    """Events made at these times; None: imported."""

    def __init__(self, times: Sequence[int | None]) -> None:
        self.events = [Dated(position, at_ms) for position, at_ms in enumerate(times, start=1)]
        self.looked_at = 0

    async def read(self, after: int, limit: int) -> Sequence[Dated]:
        found = self.events[after : after + limit]
        self.looked_at += len(found)
        return found

    def at(self, at_ms: int) -> int:
        return asyncio.run(position_at(self.read, 0, len(self.events), at_ms))

    def plainly_at(self, at_ms: int) -> int:
        later = [e.position for e in self.events if e.at_ms is not None and e.at_ms > at_ms]
        return min(later, default=len(self.events) + 1) - 1


def test_it_ends_before_the_first_later_event() -> None:
    partition = Partition([10, 20, 30])

    assert [partition.at(ms) for ms in (9, 10, 29, 30, 99)] == [0, 1, 2, 3, 3]


def test_nothing_is_there_of_a_partition_without_events() -> None:
    assert Partition([]).at(5) == 0


def test_imported_events_are_where_those_around_them_are() -> None:
    partition = Partition([10, None, None, 20, None])

    assert [partition.at(ms) for ms in (9, 10, 20)] == [0, 3, 5]


def test_an_event_that_was_sent_again_misleads_nobody() -> None:
    times: list[int | None] = [n * SECOND_MS for n in range(20_000)]
    for late in range(10_000, 10_000 + 10 * LOOK, LOOK // 2):
        times[late] = 5
    partition = Partition(times)

    for ms in (4, 9_999_000, 10_000_000, 10_050_000, 15_000_000):
        assert partition.at(ms) == partition.plainly_at(ms)


def test_most_of_a_long_partition_is_not_looked_at() -> None:
    partition = Partition([n * SECOND_MS for n in range(100_000)])

    assert partition.at(70_000 * SECOND_MS) == 70_001
    assert partition.looked_at < 5 * DISORDER


@given(
    gaps=st.lists(st.integers(0, 50), max_size=400),
    imported=st.sets(st.integers(0, 399)),
    shaken=st.integers(0, 100),
    at_ms=st.integers(-10, 20_000),
)
def test_it_is_what_looking_at_every_event_finds(
    gaps: list[int], imported: set[int], shaken: int, at_ms: int
) -> None:
    """Whatever is imported, and with ids that come in another order than they were made."""
    times: list[int | None] = []
    now = 0
    for number, gap in enumerate(gaps):
        now += gap
        shake = shaken if number % 3 == 0 else 0
        times.append(None if number in imported else max(now - shake, 0))
    partition = Partition(times)

    assert partition.at(at_ms) == partition.plainly_at(at_ms)
    assert asyncio.run(first_later(partition.read, 0, len(times), at_ms)) == partition.plainly_at(
        at_ms
    )


def test_an_imported_id_says_nothing_about_when_it_came() -> None:
    own, imported = compose(NOON_MS, 1, 0), compose(NOON_MS, IMPORT_WORKER, 0)

    assert dated(7, own) == Dated(7, millis_of(own))
    assert dated(7, imported) == dated(7, None) == Dated(7, None)
