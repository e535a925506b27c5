"""Moments as people name them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import EPOCH_MS, rfc3339
from domain.moments import NotAMoment, moment_named

NOON = "2026-01-31T12:00:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00.0009Z",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T07:30:00.000-04:30",
    ],
)
def test_a_time_has_one_name(text: str) -> None:
    assert moment_named(text).name == NOON


@pytest.mark.parametrize(
    "text",
    [
        "new_tweet/3:17,new_reply/0:4",
        "new_reply/0:4, new_tweet/3:17",
        '{"new_tweet/3": 17, "new_reply/0": 4}',
    ],
)
def test_positions_have_one_name(text: str) -> None:
    moment = moment_named(text)

    assert moment.name == "new_reply/0:4,new_tweet/3:17"
    assert moment.vector == {"new_tweet/3": 17, "new_reply/0": 4}


@given(ms=st.integers(0, 2 * EPOCH_MS))
def test_the_name_of_a_time_names_that_time(ms: int) -> None:
    assert moment_named(rfc3339(ms)).at_ms == ms


@settings(max_examples=40)
@given(vector=st.dictionaries(st.from_regex(r"[a-z_]{1,9}/[0-9]", fullmatch=True), st.integers(0)))
def test_the_name_of_positions_names_them(vector: dict[str, int]) -> None:
    if vector and max(vector.values()) < 10**18:
        named = ",".join(f"{place}:{position}" for place, position in vector.items())
        assert moment_named(moment_named(named).name).vector == vector


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "30",
        "2026-01-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "\uff12026-01-31T12:00:00Z",
        "log/0",
        "log/0:-1",
        "log/0:1,",
        "log/0:1,log/0:2",
        "{}",
        '{"log/0": "x"}',
        '{"log/0": 1.5}',
        "{" * 50_000,
    ],
)
def test_what_names_no_moment_is_refused(text: str) -> None:
    with pytest.raises(NotAMoment):
        moment_named(text)
