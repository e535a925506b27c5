"""Tokens: opaque, merged to what reaches furthest, and refused when they were changed."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.positions import merge
from web import consistency
from web.problems import BadRequest

vectors = st.dictionaries(st.text(max_size=20), st.integers(0, 2**62), max_size=5)


@given(vectors)
def test_a_token_stands_for_its_vector(vector: dict[str, int]) -> None:
    token = consistency.encode(vector)

    assert consistency.decode([token]) == vector
    assert token.isascii()
    assert not set(token) & set(", =+/")


@given(st.lists(vectors, max_size=4), st.booleans())
def test_several_tokens_cover_what_each_covers(
    given_vectors: list[dict[str, int]], repeated: bool
) -> None:
    tokens = [consistency.encode(vector) for vector in given_vectors]

    decoded = consistency.decode(tokens if repeated else [" , ".join(tokens)])

    assert decoded == merge(given_vectors)


def test_a_token_with_any_letter_changed_is_refused() -> None:
    token = consistency.encode({"log/0": 123_456})

    for at in range(len(token)):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(BadRequest):
            consistency.decode([changed])


@pytest.mark.parametrize("wrong", ["x", "v1.", "v2.abc", "v1.é", "v1.====", "v1." + "A" * 9_000])
def test_what_was_never_a_token_is_refused(wrong: str) -> None:
    with pytest.raises(BadRequest):
        consistency.decode([wrong])


@pytest.mark.parametrize("content", [{"log/0": -1}, {"log/0": "5"}, {"log/0": None}, [1], 7])
def test_a_token_of_something_else_is_refused(content: object) -> None:
    token = consistency.encode(cast("dict[str, int]", content))

    with pytest.raises(BadRequest):
        consistency.decode([token])


def test_no_token_covers_nothing() -> None:
    assert consistency.decode([]) == {}
    assert consistency.decode(["", " , "]) == {}
