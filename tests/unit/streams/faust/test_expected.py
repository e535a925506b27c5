"""Only what comes next is taken, whatever is dropped, repeated or late."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from streams.faust.expected import Expected


class Record(NamedTuple):
    offset: int


def records(*offsets: int) -> list[Record]:
    return [Record(offset) for offset in offsets]


def begun(at: int) -> Expected[str]:
    expected: Expected[str] = Expected()
    expected.begin({"a": at})
    return expected


def test_what_comes_next_is_taken() -> None:
    expected = begun(7)

    taken = expected.take("a", records(7, 8, 9))

    assert taken == (records(7, 8, 9), False)
    assert expected.next == {"a": 10}


def test_what_was_taken_before_is_dropped() -> None:
    expected = begun(8)

    assert expected.take("a", records(6, 7)) == ([], False)
    assert expected.take("a", records(7, 8, 9)) == (records(8, 9), False)


def test_what_is_behind_a_gap_is_dropped_and_the_gap_is_told_once() -> None:
    expected = begun(0)

    assert expected.take("a", records(0, 2)) == (records(0), True)
    assert expected.take("a", records(3, 4)) == ([], False)
    assert expected.take("a", records(1, 2)) == (records(1, 2), False)
    assert expected.take("a", records(5)) == ([], True)


def test_nothing_is_taken_of_a_partition_that_is_not_ours() -> None:
    expected = begun(0)
    expected.end(["a"])

    assert expected.take("a", records(0)) == ((), False)
    assert expected.take("b", records(0)) == ((), False)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=30), st.integers(0, 10))
def test_every_offset_is_taken_once_and_in_order(
    deliveries: list[tuple[int, int]], begins: int
) -> None:
    expected = begun(begins)
    taken: list[Record] = []

    for start, size in deliveries:
        taken += expected.take("a", records(*range(start, start + size))).records

    assert [record.offset for record in taken] == list(range(begins, begins + len(taken)))
