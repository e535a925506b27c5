"""The language people search in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.search_query import (
    QUERY_CHARS_MAX,
    QUERY_PHRASES_MAX,
    PeopleQuery,
    PostQuery,
    parse_people,
    parse_query,
)

NEW_YEAR_2024_MS = 1_704_067_200_000


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Cats  dogs cats", PostQuery(words=(("cats",), ("dogs",)))),
        ('"Red Herring"', PostQuery(phrases=(("red", "herring"),))),
        ("“red herring”", PostQuery(phrases=(("red", "herring"),))),
        ('an "open end', PostQuery(words=(("an",),), phrases=(("open", "end"),))),
        ("half-sister", PostQuery(words=(("half", "sister"),))),
        ("#Tag @Bob", PostQuery(phrases=(("#tag",), ("@bob",)))),
        ("from:Ada FROM:@bob", PostQuery(authors=("ada", "bob"))),
        ("-from:ada x", PostQuery(words=(("x",),), not_authors=("ada",))),
        ("has:LINKS -has:media", PostQuery(has=("links",), has_not=("media",))),
        ("since:2024-01-01", PostQuery(since_ms=NEW_YEAR_2024_MS)),
        ("until:2024-01-01", PostQuery(until_ms=NEW_YEAR_2024_MS)),
        ("a -b", PostQuery(words=(("a",),), without=((("b",),),))),
        ('a -"b c" -#d', PostQuery(words=(("a",),), without=((("b", "c"),), (("#d",),)))),
        ("--a", PostQuery(without=((("a",),),))),
        ('a"b"-c', PostQuery(words=(("a",), ("c",)), phrases=(("b",),))),
        ("- a", PostQuery(words=(("a",),))),
        ("天气", PostQuery(words=(("天气",),))),
    ],
)
def test_what_is_typed_means(text: str, query: PostQuery) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("since:yesterday", ("since", "yesterday")),
        ("until:2024-02-30", ("until", "2024", "02", "30")),
        ("has:teeth", ("has", "teeth")),
        ("from:", ("from",)),
        ("from:a-b", ("from", "a", "b")),
        ("fromage:brie", ("fromage", "brie")),
    ],
)
def test_what_only_looks_like_an_operator_is_words(text: str, words: tuple[str, ...]) -> None:
    assert parse_query(text) == PostQuery(words=(words,))


def test_an_operator_between_quotes_is_words() -> None:
    assert parse_query('"from:ada"') == PostQuery(phrases=(("from", "ada"),))


def test_of_several_days_the_narrowest_span_counts() -> None:
    query = parse_query("since:2024-01-01 since:2023-01-01 until:2024-01-03 until:2025-01-01")

    assert query == parse_query("since:2024-01-01 until:2024-01-03")


@pytest.mark.parametrize("text", ["", " ", "-a", '-"a b" -from:c', "-has:links", '""', "!?", "-"])
def test_nothing_or_only_exclusions_find_nothing(text: str) -> None:
    assert parse_query(text).finds_nothing


@pytest.mark.parametrize("text", ["a", "#a", "from:a", "has:links", "since:2024-01-01", "a -a"])
def test_anything_asked_for_may_find_something(text: str) -> None:
    assert not parse_query(text).finds_nothing


def test_a_query_is_bounded() -> None:
    many = " ".join(f"w{number}" for number in range(1000))
    query = parse_query(f"{many} #late")

    assert len(query.words) == QUERY_PHRASES_MAX
    assert query.phrases == ()
    assert parse_query("x" * 9 * QUERY_CHARS_MAX).words[0][0].startswith("xxx")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Ada", PeopleQuery("ada", (("ada",),))),
        (" @Ada_L ", PeopleQuery("ada_l", (("ada_l",),))),
        ("Ada Lovelace", PeopleQuery(None, (("ada",), ("lovelace",)))),
        ('"Ada', PeopleQuery(None, (("ada",),))),
        ("Ænne", PeopleQuery(None, (("ænne",),))),
        ("", PeopleQuery()),
        ("???", PeopleQuery()),
    ],
)
def test_who_is_asked_for(text: str, query: PeopleQuery) -> None:
    assert parse_people(text) == query


_PIECES = st.sampled_from(
    ['"', "-", "#", "@", "from:", "since:", "has:links", "2024-01-01", " ", "天", "\0", "\ud800"]
)


@given(st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=3))).map("".join)))
def test_nothing_is_an_error(text: str) -> None:
    query, people = parse_query(text), parse_people(text)

    for phrase in (*query.words, *query.phrases, *people.words):
        assert phrase
        assert all(term and not set(term) & set(' "\0') for term in phrase)
