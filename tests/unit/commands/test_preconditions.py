"""If-Match."""

import pytest

from commands.preconditions import versions_in
from domain.errors import VersionRequired
from domain.posts import Versions
from web.problems import BadRequest


@pytest.mark.parametrize(
    ("if_match", "versions"),
    [
        ('"3"', {3}),
        ('"3.5fe1c0"', {3}),
        ('W/"3"', {3}),
        ('W/"3.5fe1c0"', {3}),
        ('"3", "4.aa" ,W/"5"', {3, 4, 5}),
        ('"of-something-else"', set()),
        ('""', set()),
        ('"x3"', set()),
        ('"99999999999999999999"', set()),
        ("*", None),
        (" * ", None),
    ],
)
def test_only_the_version_part_of_a_tag_counts(if_match: str, versions: Versions) -> None:
    assert versions_in({"if-match": if_match}) == versions


@pytest.mark.parametrize("if_match", ["", "3", '"3', '3"', '"3" "4"', '"3",', 'w/"3"', '*, "3"'])
def test_what_is_no_list_of_tags_is_malformed(if_match: str) -> None:
    with pytest.raises(BadRequest):
        versions_in({"if-match": if_match})


def test_a_long_one_is_read_in_no_time() -> None:
    with pytest.raises(BadRequest):
        versions_in({"if-match": '"1",' * 10_000 + " " * 10_000})


def test_an_edit_needs_one() -> None:
    with pytest.raises(VersionRequired):
        versions_in({})
