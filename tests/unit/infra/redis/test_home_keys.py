"""Ids of home timelines in Redis: as text in the order of the ids, and each a 64-bit integer."""

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import ID_MAX
from infra.redis.home_keys import item_key, item_of

IDS = st.integers(0, ID_MAX) | st.integers(10**18 - 9, 10**18 + 9)


@given(st.lists(IDS))
def test_text_sorts_as_the_ids_do(ids: list[int]) -> None:
    assert sorted(map(item_key, ids)) == [item_key(one) for one in sorted(ids)]


@given(IDS)
def test_the_text_is_how_a_64_bit_integer_is_written_and_gives_the_id_back(item_id: int) -> None:
    key = item_key(item_id)

    assert str(int(key)) == key
    assert -(2**63) <= int(key) < 2**63
    assert item_of(key) == item_of(key.encode()) == item_id
