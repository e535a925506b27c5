"""twitter-text's own conformance files, read where they are kept: whole, and nothing skipped.

The files live beside the checkout (STARLING_SHARED says where else). Without them there is nothing
to run on a laptop, but a build server must have them.
"""

import gzip
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from domain.text import (
    V1,
    V2,
    V3,
    Configuration,
    extract_entities,
    find_cashtags,
    find_mentions_and_lists,
    find_reply,
    find_urls,
    is_valid_hashtag,
    is_valid_list,
    is_valid_post,
    is_valid_url,
    is_valid_username,
    weigh,
)

Case = dict[str, Any]

REPOSITORY: Final = Path(__file__).parents[3]
SHARED: Final = Path(os.environ.get("STARLING_SHARED", REPOSITORY.parent / "shared"))  # noqa: TID251
CONFORMANCE: Final = SHARED / "data" / "conformance"

pytestmark = pytest.mark.skipif(
    not CONFORMANCE.is_dir() and "CI" not in os.environ,  # noqa: TID251
    reason="the conformance files are not there",
)


@cache
def sections(name: str) -> dict[str, list[Case]]:
    if not CONFORMANCE.is_dir():
        return {}
    loaded: dict[str, list[Case]] = yaml.load(
        (CONFORMANCE / name).read_text(), Loader=yaml.CSafeLoader
    )["tests"]
    return loaded


def cases(name: str, section: str) -> pytest.MarkDecorator:
    """Parametrise a test with each case of a section."""
    found = sections(name).get(section, [])
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=case["description"]) for case in found]
    )


def code_points(text: str, utf16_units: int) -> int:
    """How many code points the first UTF-16 units of a text are."""
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * utf16_units].decode("utf-16-le"))


def test_the_files_are_there() -> None:
    assert set(sections("validate.yml")) == {
        "tweets",
        "usernames",
        "lists",
        "hashtags",
        "urls",
        "urls_without_protocol",
        "WeightedTweetsCounterTest",
        "WeightedTweetsWithDiscountedEmojiCounterTest",
        "UnicodeDirectionalMarkerCounterTest",
    }
    assert set(sections("extract.yml")) == {
        "mentions",
        "mentions_with_indices",
        "mentions_or_lists_with_indices",
        "replies",
        "urls",
        "urls_with_indices",
        "urls_with_directional_markers",
        "tco_urls_with_params",
        "hashtags",
        "hashtags_from_astral",
        "hashtags_with_indices",
        "cashtags",
        "cashtags_with_indices",
    }
    assert set(sections("tlds.yml")) == {"country", "generic"}


@cases("validate.yml", "tweets")
def test_valid_tweets(case: Case) -> None:
    assert is_valid_post(case["text"], V1) == case["expected"]


@cases("validate.yml", "usernames")
def test_valid_usernames(case: Case) -> None:
    assert is_valid_username(case["text"]) == case["expected"]


@cases("validate.yml", "lists")
def test_valid_lists(case: Case) -> None:
    assert is_valid_list(case["text"]) == case["expected"]


@cases("validate.yml", "hashtags")
def test_valid_hashtags(case: Case) -> None:
    assert is_valid_hashtag(case["text"]) == case["expected"]


@cases("validate.yml", "urls")
def test_valid_urls(case: Case) -> None:
    assert is_valid_url(case["text"]) == case["expected"]


@cases("validate.yml", "urls_without_protocol")
def test_valid_urls_without_protocol(case: Case) -> None:
    assert is_valid_url(case["text"], require_protocol=False) == case["expected"]


def check_weight(case: Case, configuration: Configuration) -> None:
    text, expected = case["text"], case["expected"]
    weight = weigh(text, configuration)

    assert {
        "weightedLength": weight.weighted_length,
        "valid": weight.valid,
        "permillage": weight.permillage,
        "displayRangeStart": 0,
        "displayRangeEnd": weight.display_end,
        "validRangeStart": 0,
        "validRangeEnd": weight.valid_end,
    } == expected | {
        # twitter-text's ends are the last UTF-16 unit; ours follow the last code point.
        "displayRangeEnd": code_points(text, expected["displayRangeEnd"] + 1),
        "validRangeEnd": code_points(text, expected["validRangeEnd"] + 1),
    }


@cases("validate.yml", "WeightedTweetsCounterTest")
def test_weights_before_emoji_were_discounted(case: Case) -> None:
    check_weight(case, V2)


@cases("validate.yml", "WeightedTweetsWithDiscountedEmojiCounterTest")
def test_weights(case: Case) -> None:
    check_weight(case, V3)


@cases("validate.yml", "UnicodeDirectionalMarkerCounterTest")
def test_weights_with_directional_marks(case: Case) -> None:
    check_weight(case, V3)


@cases("extract.yml", "mentions")
def test_mentions(case: Case) -> None:
    assert [m.handle for m in extract_entities(case["text"]).mentions] == case["expected"]


@cases("extract.yml", "mentions_with_indices")
def test_mentions_with_offsets(case: Case) -> None:
    found = extract_entities(case["text"]).mentions

    assert [{"screen_name": m.handle, "indices": [m.start, m.end]} for m in found] == case[
        "expected"
    ]


@cases("extract.yml", "mentions_or_lists_with_indices")
def test_mentions_and_lists_with_offsets(case: Case) -> None:
    found = find_mentions_and_lists(case["text"])

    assert [
        {"screen_name": m.handle, "list_slug": m.list_slug, "indices": [m.start, m.end]}
        for m in found
    ] == case["expected"]


@cases("extract.yml", "replies")
def test_replies(case: Case) -> None:
    assert find_reply(case["text"]) == case["expected"]


@cases("extract.yml", "urls")
def test_urls(case: Case) -> None:
    assert [u.url for u in find_urls(case["text"])] == case["expected"]


@cases("extract.yml", "tco_urls_with_params")
def test_shortened_urls(case: Case) -> None:
    assert [u.url for u in find_urls(case["text"])] == case["expected"]


def check_url_offsets(case: Case) -> None:
    found = find_urls(case["text"])

    assert [{"url": u.url, "indices": [u.start, u.end]} for u in found] == case["expected"]


@cases("extract.yml", "urls_with_indices")
def test_urls_with_offsets(case: Case) -> None:
    check_url_offsets(case)


@cases("extract.yml", "urls_with_directional_markers")
def test_urls_among_directional_marks(case: Case) -> None:
    check_url_offsets(case)


@cases("extract.yml", "hashtags")
def test_hashtags(case: Case) -> None:
    assert [h.tag for h in extract_entities(case["text"]).hashtags] == case["expected"]


@cases("extract.yml", "hashtags_from_astral")
def test_hashtags_beyond_the_first_plane(case: Case) -> None:
    assert [h.tag for h in extract_entities(case["text"]).hashtags] == case["expected"]


@cases("extract.yml", "hashtags_with_indices")
def test_hashtags_with_offsets(case: Case) -> None:
    found = extract_entities(case["text"]).hashtags

    assert [{"hashtag": h.tag, "indices": [h.start, h.end]} for h in found] == case["expected"]


@cases("extract.yml", "cashtags")
def test_cashtags(case: Case) -> None:
    assert [c.symbol for c in find_cashtags(case["text"])] == case["expected"]


@cases("extract.yml", "cashtags_with_indices")
def test_cashtags_with_offsets(case: Case) -> None:
    found = find_cashtags(case["text"])

    assert [{"cashtag": c.symbol, "indices": [c.start, c.end]} for c in found] == case["expected"]


@cases("tlds.yml", "country")
def test_country_domains(case: Case) -> None:
    assert [u.url for u in find_urls(case["text"])] == case["expected"]


@cases("tlds.yml", "generic")
def test_generic_domains(case: Case) -> None:
    assert [u.url for u in find_urls(case["text"])] == case["expected"]


def rgi_emoji() -> Iterator[str]:
    """The emoji that Unicode recommends for interchange, as they should be written."""
    with gzip.open(CONFORMANCE / "unicode" / "emoji-test.txt.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            code_points_of_it, _, status = line.partition(";")
            if status.strip().startswith("fully-qualified"):
                yield "".join(chr(int(number, 16)) for number in code_points_of_it.split())


def test_every_emoji_weighs_as_much_as_one_heavy_character() -> None:
    emoji = list(rgi_emoji())

    assert len(emoji) > 3_600
    assert [one for one in emoji if weigh(one).weighted_length != 2] == []


def test_emoji_in_a_row_are_told_apart() -> None:
    emoji = list(rgi_emoji())

    # Joined by a space: side by side, two of the flags' letters could pair up with the next flag's.
    assert weigh(" ".join(emoji)).weighted_length == 3 * len(emoji) - 1
