"""A page of a list is filled from behind what may not be shown: nothing is lost or comes twice."""

import asyncio
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from read_api.filling import Part, fill_part
from read_api.pages import SPARES


class Listed:
    """The numbers below `length`, upwards; counts how many were looked at, and how often."""

    def __init__(self, length: int, hidden: frozenset[int]) -> None:
        self._length = length
        self._hidden = hidden
        self.rounds = 0
        self.looked_at = 0

    def page(self, after: int | None, limit: int) -> Part[int, str]:
        async def read(last: int | None, most: int) -> Sequence[int]:
            self.rounds += 1
            behind = after if last is None else last
            start = 0 if behind is None else behind + 1
            found = range(start, min(start + most, self._length))
            self.looked_at += len(found)
            return found

        async def show(found: Sequence[int]) -> Mapping[int, str]:
            return {one: str(one) for one in found if one not in self._hidden}

        return asyncio.run(fill_part(read, show, limit))


@given(st.integers(0, 40), st.frozensets(st.integers(0, 40)), st.integers(1, 7))
def test_a_walk_shows_everything_that_may_be_shown_in_full_pages(
    length: int, hidden: frozenset[int], limit: int
) -> None:
    listed = Listed(length, hidden)
    parts = [listed.page(None, limit)]
    while (reached := parts[-1].reached) is not None:
        parts.append(listed.page(reached, limit))

    assert [int(one) for part in parts for one in part.shown] == [
        number for number in range(length) if number not in hidden
    ]
    assert all(len(part.shown) == limit for part in parts[:-1])
    assert len(parts) == 1 or parts[-1].shown


def test_where_nothing_is_hidden_one_question_is_enough() -> None:
    listed = Listed(100, frozenset())

    assert len(listed.page(None, 20).shown) == 20
    assert (listed.rounds, listed.looked_at) == (1, 21)


def test_who_may_see_almost_nothing_gets_a_short_page_that_goes_on() -> None:
    listed = Listed(10_000, frozenset(range(1, 9_999)))
    part = listed.page(None, 2)

    assert part.shown == ["0"]
    assert part.reached == listed.looked_at - 1
    assert listed.rounds == len(SPARES)
