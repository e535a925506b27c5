"""Queries and headers into values; bad bodies are in `test_app_bad_input.py`."""

from contextlib import suppress
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from domain.errors import Invalid, Refusal
from web.complaints import pointed
from web.decoding import decode_body, decode_query, wait_seconds


class Item(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class Query(msgspec.Struct, frozen=True, kw_only=True):
    q: str = ""
    kind: Literal["a", "b"] = "a"
    deep: bool = False
    ids: tuple[int, ...] = ()
    at_most: Annotated[int, Meta(le=10)] | None = None


class Body(msgspec.Struct, forbid_unknown_fields=True):
    items: tuple[Item, ...] = ()
    item: Item | None = None
    text: str = ""


def test_parameters_are_read_by_their_types() -> None:
    query = decode_query(Query, b"q=%E5%A4%A9+x&kind=b&deep=true&ids=1&ids=2&at_most=3&other=y")

    assert query == Query(q="天 x", kind="b", deep=True, ids=(1, 2), at_most=3)


def test_unescaped_utf8_is_understood() -> None:
    assert decode_query(Query, "q=天".encode()).q == "天"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        (b"kind=c", "/kind"),
        (b"deep=maybe", "/deep"),
        (b"ids=1&ids=x", "/ids"),
        (b"at_most=11", "/at_most"),
        (b"q=a%00b", "/q"),
    ],
)
def test_the_parameter_that_is_wrong_is_named(query: bytes, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_query(Query, query)

    assert [at for at, _ in refused.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"items":[{"name":"a"},{"name":1}]}', "/items/1/name"),
        (b'{"items":[{"name":"a"},{}]}', "/items/1/name"),
        (b'{"items":[{"name":"a","x/~y":1}]}', "/items/0/x~1~0y"),
        (b'{"item":[]}', "/item"),
        (b'{"items":[{"name":"\\u0000"}]}', "/items/0/name"),
        (b'{"odd - at `$.items`":1}', "/odd - at `$.items`"),
    ],
)
def test_a_pointer_leads_to_the_value_that_is_wrong(body: bytes, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_body(Body, body, "application/json")

    assert [at for at, _ in refused.value.errors] == [pointer]


def test_a_backslash_before_u0000_is_text() -> None:
    assert decode_body(Body, b'{"text":"\\\\u0000"}', "application/json").text == "\\u0000"


@given(st.binary(max_size=200))
def test_no_body_breaks_the_decoder(raw: bytes) -> None:
    with suppress(Refusal):
        decode_body(Body, raw, "application/json")


@given(st.binary(max_size=100))
def test_no_query_breaks_the_decoder(raw: bytes) -> None:
    with suppress(Refusal):
        decode_query(Query, raw)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 2.0),
        ("", 2.0),
        ("wait=5", 5.0),
        ("wait=0", 0.0),
        ("wait=100", 10.0),
        ("wait=-1", 2.0),
        ("wait=1.5", 2.0),
        ("wait=x", 2.0),
        ("respond-async, wait=3", 3.0),
        ("respond-async; wait=3; strict", 3.0),
        ("await=3", 2.0),
        (f"wait={'9' * 5_000}", 2.0),
    ],
)
def test_how_long_a_read_may_wait(prefer: str | None, seconds: float) -> None:
    assert wait_seconds(prefer) == seconds


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("Expected `str`, got `int` - at `$.a`", "Must be text, not a whole number"),
        ("Expected `object | null`, got `bool`", "Must be an object or null, not true or false"),
        ("Expected `str` of length <= 5", "Must have at most 5 characters"),
        ("Expected `array` of length >= 1 - at `$.a`", "Must have at least 1 items"),
        ("Expected `int` >= 0", "Must be at least 0"),
        ("Expected `str` matching regex '^[a-z]+$' - at `$.a`", "Must match ^[a-z]+$"),
        ("Invalid enum value 'x' - at `$.a`", "'x' is not one of the values this can have"),
        ("Something new", "Something new"),
    ],
)
def test_complaints_are_put_into_words(message: str, detail: str) -> None:
    assert pointed(message)[1] == detail


class Wanting(msgspec.Struct, frozen=True):
    q: str


def test_nothing_is_read_as_nothing_however_often_it_comes() -> None:
    assert decode_query(Query, b"") == decode_query(Query, b"") == Query()
    for _ in range(2):
        with pytest.raises(Invalid):
            decode_query(Wanting, b"")
