"""When two hashtags are the same one."""

import pytest

from domain.hashtags import tag_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("News", "nEWS"),
        ("Straße", "STRASSE"),
        ("e\u0301te\u0301", "ÉTÉ"),
        ("\uff21\uff22\uff23", "abc"),
    ],
)
def test_case_and_composition_make_no_difference(one: str, other: str) -> None:
    assert tag_key(one) == tag_key(other)


@pytest.mark.parametrize(("one", "other"), [("año", "ano"), ("news", "new"), ("天气", "天気")])
def test_other_letters_are_other_tags(one: str, other: str) -> None:
    assert tag_key(one) != tag_key(other)


@pytest.mark.parametrize(
    "tag", ["News", "Straße", "e\u0301", "\uff21\uff22\uff23", "İstanbul", "ﬁ", "天气"]
)
def test_a_key_is_its_own_key(tag: str) -> None:
    assert tag_key(tag_key(tag)) == tag_key(tag)
