"""How much a text weighs against the limit, by the weighted counting of twitter-text (Apache-2.0).

The text is weighed in its composed form (NFC), so that an accent weighs the same however typed.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from domain.text import emoji
from domain.text.characters import NON_CHARACTERS, of_ranges
from domain.text.entities import Url
from domain.text.urls import find_urls


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one version of the rule; weights are in 1/scale of what is shown."""

    weighted_length_max: int
    scale: int
    light_weight: int
    default_weight: int
    url_length: int = 23
    emoji_as_one: bool = False


class Weight(msgspec.Struct, frozen=True):
    """What a text weighs. Its first `valid_end` code points are within the limit and allowed."""

    weighted_length: int
    permillage: int
    valid: bool
    valid_end: int
    display_end: int


V1: Final = Configuration(weighted_length_max=140, scale=1, light_weight=1, default_weight=1)
V2: Final = Configuration(weighted_length_max=280, scale=100, light_weight=100, default_weight=200)
V3: Final = Configuration(
    weighted_length_max=280, scale=100, light_weight=100, default_weight=200, emoji_as_one=True
)

# Latin, Greek, Cyrillic, Hebrew, Arabic, Indic scripts ... and general punctuation.
_LIGHT: Final = of_ranges(((0x0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037)))
_LIGHT_RUN: Final = re.compile(f"[{_LIGHT}]+")
_IS_LIGHT: Final = re.compile(f"[{_LIGHT}]")
# Surrogates are ours: a string may hold them, but nothing that stores or sends it can.
_INVALID: Final = re.compile(f"[{NON_CHARACTERS}\ud800-\udfff]")
_HEAVY: Final = "\uffff"


def weigh(text: str, configuration: Configuration = V3) -> Weight:
    """The weight of a text."""
    return weigh_around(text, find_urls(text), configuration)


def weigh_around(text: str, urls: Sequence[Url], configuration: Configuration = V3) -> Weight:
    """The weight of a text whose URLs are known."""
    composed = text
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        composed = unicodedata.normalize("NFC", text)
        urls = find_urls(composed)
    length = _weighted_length(composed, urls, configuration)
    fits = length <= configuration.weighted_length_max
    valid = fits and length > 0 and not _INVALID.search(composed)
    return Weight(
        weighted_length=length,
        permillage=length * 1000 // configuration.weighted_length_max,
        valid=valid,
        valid_end=len(text) if valid else _valid_end(text, composed, urls, configuration),
        display_end=len(text),
    )


def _weighted_length(text: str, urls: Sequence[Url], configuration: Configuration) -> int:
    weight = len(urls) * configuration.url_length * configuration.scale
    for words in _between(text, urls):
        weight += _weight_of_words(words, configuration)
    return weight // configuration.scale


def _between(text: str, urls: Sequence[Url]) -> Iterator[str]:
    start = 0
    for url in urls:
        yield text[start : url.start]
        start = url.end
    yield text[start:]


def _weight_of_words(words: str, configuration: Configuration) -> int:
    if words.isascii():
        return len(words) * configuration.light_weight
    if configuration.emoji_as_one:
        words = emoji.merge_sequences(words, _HEAVY)
    heavy = len(_LIGHT_RUN.sub("", words))
    light = len(words) - heavy
    return light * configuration.light_weight + heavy * configuration.default_weight


def _valid_end(text: str, composed: str, urls: Sequence[Url], configuration: Configuration) -> int:
    """How much of a text that is too long, or not allowed, would still do."""
    room = configuration.weighted_length_max * configuration.scale
    end = 0
    for unit_end, weight in _units(composed, urls, configuration):
        room -= weight
        if room < 0 or _INVALID.search(composed, end, unit_end):
            break
        end = unit_end
    # Composing shortens a text, mostly before its end: twitter-text corrects it likewise.
    return max(0, end + len(text) - len(composed)) if end else 0


def _units(
    text: str, urls: Sequence[Url], configuration: Configuration
) -> Iterator[tuple[int, int]]:
    """Where each URL, emoji or character ends, and what it weighs."""
    start = 0
    for url in urls:
        yield from _units_of_words(text, start, url.start, configuration)
        yield url.end, configuration.url_length * configuration.scale
        start = url.end
    yield from _units_of_words(text, start, len(text), configuration)


def _units_of_words(
    text: str, at: int, stop: int, configuration: Configuration
) -> Iterator[tuple[int, int]]:
    while at < stop:
        sequence = emoji.SEQUENCE.match(text, at, stop) if configuration.emoji_as_one else None
        light = sequence is None and _IS_LIGHT.match(text, at)
        at = sequence.end() if sequence else at + 1
        yield at, configuration.light_weight if light else configuration.default_weight
