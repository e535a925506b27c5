"""Values that a process keeps near, and what is told of those that change."""

import gc
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.redis.near_values import NearShelf

OWNERS = st.sampled_from((None, 1, 2, 3))
STEPS = st.lists(
    st.tuples(st.sampled_from(("keep", "keep", "keep", "forget")), st.integers(0, 9), OWNERS),
    max_size=120,
)


class Told:
    """What is made of values."""

    def __init__(self) -> None:
        self.forgotten: list[Collection[int] | None] = []

    def forget(self, keys: Collection[int] | None) -> None:
        self.forgotten.append(keys)


@given(STEPS, st.integers(1, 40))
def test_what_is_given_was_kept_last_and_no_more_than_the_limit_is(
    steps: list[tuple[str, int, int | None]], limit: int
) -> None:
    shelf, last = NearShelf[int](limit), dict[tuple[int, int | None], int]()
    for number, (doing, one, owner) in enumerate(steps, 1):
        if doing == "keep":
            shelf.keep(one, number, owner)
            last[one, owner] = number
        else:
            shelf.forget(one, owner)
            last.pop((one, owner), None)
            assert not shelf.has(one, owner)

        given = {place: shelf.all_of([place[0]], place[1]) for place in last}
        held = {place: found[place[0]] for place, found in given.items() if found is not None}
        assert len(held) <= limit
        assert held == {place: last[place] for place in held}
        if doing == "keep":
            assert held[one, owner] == number


def test_those_kept_longest_make_room() -> None:
    shelf = NearShelf[int](32)
    for one in range(33):
        shelf.keep(one, one)

    assert shelf.all_of([0]) is None
    assert shelf.all_of(range(3, 33)) == {one: one for one in range(3, 33)}
    shelf.forget(5)
    assert shelf.all_of([5]) is None


def test_those_of_the_owner_who_came_first_make_room() -> None:
    shelf = NearShelf[int](32)
    for owner in (1, 2):
        for one in range(16):
            shelf.keep(one, one, owner)
    shelf.keep(0, 0, 3)

    assert [shelf.has(one, 1) for one in range(5)] == [False, False, False, True, True]
    assert shelf.all_of(range(16), 2) == {one: one for one in range(16)}


def test_a_value_that_is_kept_again_takes_no_more_room() -> None:
    shelf = NearShelf[int](4)
    shelf.keep(1, 1)
    for number in range(20):
        shelf.keep(2, number)

    assert shelf.all_of([1, 2]) == {1: 1, 2: 19}


@pytest.mark.parametrize("owner", [None, 7])
def test_nothing_is_a_value_too_and_a_zero_is_not_nothing(owner: int | None) -> None:
    shelf = NearShelf[int](8)
    shelf.keep(1, None, owner)
    shelf.keep(2, 0, owner)

    assert shelf.all_of([1, 2, 2], owner) == {2: 0}
    assert shelf.all_of([1, 3], owner) is None
    assert shelf.all_of([], owner) == {}
    assert NearShelf[int](8).all_of([], owner) == {}


def test_each_is_given_in_the_order_asked_for_or_none() -> None:
    shelf = NearShelf[int](8)
    assert shelf.each_of([1]) is None
    for one, value in ((1, 5), (2, None), (3, 0)):
        shelf.keep(one, value)

    assert shelf.each_of([3, 1, 2, 1]) == [0, 5, None, 5]
    assert shelf.each_of([3, 4]) is None


def test_what_is_made_of_values_is_told_also_of_those_that_made_room() -> None:
    shelf, told = NearShelf[int](1), Told()
    shelf.tell(told)
    shelf.keep(1, 1)
    shelf.keep(2, 2)
    assert not shelf.has(1)

    shelf.forget(1)
    shelf.forget(2)
    shelf.clear()

    assert told.forgotten == [(1,), (2,), None]


def test_what_nobody_holds_any_more_is_told_nothing() -> None:
    shelf, told = NearShelf[int](8), Told()
    shelf.tell(told)
    forgotten = told.forgotten
    del told
    gc.collect()

    shelf.clear()

    assert forgotten == []
