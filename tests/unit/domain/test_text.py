from collections.abc import Callable
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import (
    Entities,
    Entity,
    Hashtag,
    Mention,
    ParsedPost,
    Url,
    extract_entities,
    find_cashtags,
    find_reply,
    find_urls,
    is_valid_hashtag,
    is_valid_list,
    is_valid_post,
    is_valid_url,
    is_valid_username,
    parse_post,
    weigh,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"

# Pieces that, put together at random, make more URLs, tags and handles than random characters do.
PIECES = (
    *".#@/:-_? ()!&$~'\"\n\x00\u200d\ufe0f\u20e3\u3002\uff20\uff03\ufeff\ud800",
    "http://",
    "https://",
    "t.co",
    "example.com",
    "みんな",
    "한국",
    "天気",
    "पत्र",
    "مرحبا",
    "é",
    "e\u0301",
    "a",
    "B1",
    "RT",
    "xn--p1ai",
    "/path_(x)",
    "?q=1",
    "👨",
    FAMILY,
    "🇩🇪",
    "x" * 70,
)
ANY_CHARACTER = st.characters(categories=None)
TEXTS = st.text(ANY_CHARACTER) | st.lists(st.sampled_from(PIECES) | ANY_CHARACTER, max_size=30).map(
    "".join
)


def all_of(entities: Entities) -> list[Entity]:
    found: list[Entity] = [*entities.hashtags, *entities.mentions, *entities.urls]
    return sorted(found, key=lambda entity: entity.start)


def written(entity: Entity) -> tuple[str, str]:
    match entity:
        case Hashtag(tag=tag):
            return "#\uff03", tag
        case Mention(handle=handle):
            return "@\uff20", handle
        case Url(url=url):
            return "", url


def test_a_post_is_read_whole() -> None:
    text = "Hi @Ada: https://example.com/a_(b)?q=1 or example.org #Go #天気!"

    parsed = parse_post(text)

    assert parsed.entities == Entities(
        hashtags=(Hashtag("Go", 54, 57), Hashtag("天気", 58, 61)),
        mentions=(Mention("Ada", 3, 7),),
        urls=(Url("https://example.com/a_(b)?q=1", 9, 38), Url("example.org", 42, 53)),
    )
    assert parsed.weight == weigh(text)
    assert parsed.weight.weighted_length == len(text) + 2 + (23 - 29) + (23 - 11)


def test_offsets_count_code_points() -> None:
    assert extract_entities("👨👩 #tag").hashtags == (Hashtag("tag", 3, 7),)


def test_a_hashtag_or_mention_inside_a_url_is_part_of_the_url() -> None:
    entities = extract_entities("http://example.com/@ada/#top")

    assert all_of(entities) == [Url("http://example.com/@ada/#top", 0, 28)]


def test_the_name_of_a_list_mentions_nobody() -> None:
    assert extract_entities("@ada/friends").mentions == ()


def test_a_url_that_opens_a_text_may_begin_with_an_accent() -> None:
    assert find_urls("école.fr") == [Url("école.fr", 0, 8)]


def test_the_second_of_two_equal_domains_keeps_its_place() -> None:
    assert find_urls("example.みんなe example.みんな") == [Url("example.みんな", 13, 24)]


def test_a_path_belongs_to_a_domain_without_protocol_only_if_it_touches_it() -> None:
    assert find_urls("t.co.天気.みんな/path") == [Url("t.co", 0, 4)]


@pytest.mark.parametrize("text", ["e.g. this", "3.14", "...", "file.txt", "a..com", "-.com"])
def test_dots_alone_make_no_url(text: str) -> None:
    assert find_urls(text) == []


def test_an_accent_weighs_the_same_however_typed() -> None:
    assert weigh("e\u0301").weighted_length == weigh("\u00e9").weighted_length == 1


def test_a_url_is_weighed_where_it_stands_in_the_composed_text() -> None:
    text = "e\u0301 http://example.com/a-path-of-some-length"

    parsed = parse_post(text)

    assert parsed.weight.weighted_length == 1 + 1 + 23
    assert [text[url.start :] for url in parsed.entities.urls] == [text[3:]]


def test_a_joined_emoji_that_does_not_exist_weighs_what_its_parts_weigh() -> None:
    assert weigh(FAMILY).weighted_length == 2
    assert weigh("\u200d".join("👨" * 1_000)).weighted_length > 280


def test_the_valid_part_of_a_long_text_ends_before_what_is_too_much() -> None:
    weight = weigh("a" * 279 + FAMILY)

    assert (weight.valid, weight.valid_end, weight.display_end) == (False, 279, 286)


def test_the_valid_part_of_a_text_ends_before_what_is_not_allowed() -> None:
    assert weigh("ab\uffffcd").valid_end == 2


@pytest.mark.parametrize("text", ["", "\ufeff", "ok \ud800", "x" * 281])
def test_such_a_text_may_not_be_posted(text: str) -> None:
    assert not is_valid_post(text)


def test_a_handle_is_valid_only_whole() -> None:
    assert is_valid_username("@ada")
    assert not is_valid_username("ada")
    assert not is_valid_username("@ada ")
    assert not is_valid_username("@" + "a" * 21)


@given(TEXTS)
def test_entities_are_in_order_and_apart_and_say_what_is_written(text: str) -> None:
    found = all_of(extract_entities(text))

    for entity, following in pairwise(found):
        assert entity.start < entity.end <= following.start
    for entity in found:
        signs, name = written(entity)
        spelt = text[entity.start : entity.end]
        assert spelt[0] in signs if signs else True
        assert (spelt[1:] if signs else spelt) == name


@given(TEXTS)
def test_any_text_can_be_read(text: str) -> None:
    weight = weigh(text)

    assert 0 <= weight.valid_end <= weight.display_end == len(text)
    assert parse_post(text) == ParsedPost(extract_entities(text), weight)
    for read in (find_cashtags, find_reply, is_valid_hashtag, is_valid_list, is_valid_url):
        read(text)


@given(TEXTS)
def test_what_is_valid_fits_into_the_limit(text: str) -> None:
    weight = weigh(text * 20)

    assert not weight.valid or weight.weighted_length <= 280
    assert weight.valid is (weight.valid and weight.valid_end == weight.display_end)


HOSTILE = (
    *("a.", "@a", "#", "#a", "#1", "http://", "(((((", "\u200d", "\U0001f468\u200d", "t.co/(a"),
    *("t.co/(a(b)", "t.co/!!", "t.co?!", "a_.", "a-", ".com天", "天", "天.", "é.", "xn--"),
    *(
        "1\u20e3",
        "🇦",
        "\x00",
        "\ud800",
        "http://a.com",
        "\u3002a.com",
        "RT@a",
        "$A ",
        "❤\ufe0f",
        "e\u0301",
    ),
)


def work(read: Callable[[str], object], text: str) -> float:
    """The processor's time, the least of three: what else the machine does hardly shows."""
    times = []
    for _ in range(3):
        start = process_time()
        read(text)
        times.append(process_time() - start)
    return min(times)


@pytest.mark.parametrize("prefix", ["", "http://t.co/"])
@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("read", [parse_post, is_valid_url, find_cashtags, find_reply])
def test_reading_is_linear_in_the_length_of_a_hostile_text(
    read: Callable[[str], object], piece: str, prefix: str
) -> None:
    short = prefix + piece * (25_000 // len(piece))
    long = prefix + piece * (100_000 // len(piece))

    # Four times the text: four times the work if linear, sixteen times if quadratic.
    assert work(read, long) < 9 * work(read, short) + 0.02
