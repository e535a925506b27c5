"""Everybody gets a handle that is theirs alone, the same in every run."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import opening_profile
from infra.importing.handles import candidates

anything = st.text(min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("file_id", "handle"),
    [
        ("ncp_madhavnepal", "ncp_madhavnepal"),
        ("m7124", "m7124"),
        ("1186275104", "u1186275104"),
        ("_1_", "u_1_"),
    ],
)
def test_the_first_choice_is_near_the_files_id(file_id: str, handle: str) -> None:
    assert next(candidates("set", file_id)) == handle


@given(anything, anything)
def test_every_choice_is_a_valid_handle(namespace: str, file_id: str) -> None:
    for handle in candidates(namespace, file_id):
        assert opening_profile(handle).handle == handle


@given(anything, anything)
def test_the_choices_are_always_the_same(namespace: str, file_id: str) -> None:
    assert list(candidates(namespace, file_id)) == list(candidates(namespace, file_id))


def test_people_of_other_namespaces_have_other_second_choices() -> None:
    one, other = (list(islice(candidates(name, "ada"), 2)) for name in ("one", "other"))

    assert one[0] == other[0] == "ada"
    assert one[1] != other[1]


def test_there_is_always_a_choice() -> None:
    assert len(list(candidates("set", "今日"))) > 1
