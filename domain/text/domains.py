"""Domain names as twitter-text (Apache-2.0) sees them: labels, the last a known top-level domain.

Of the labels around a dot, the leftmost and longest chain that such a domain ends is the name.
"""

import re
from collections.abc import Iterator
from typing import Final

from domain.text.characters import (
    AT_SIGNS,
    DOMAIN_STOPS,
    HASH_SIGNS,
    LATIN_ACCENTS,
    NON_CHARACTERS,
)
from domain.text.tlds import TOP_LEVEL_DOMAINS

LABEL_CHARS_MAX: Final = 63  # in Punycode, as DNS has it

_ASCII_LETTERS_AND_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_NOT_BEFORE: Final = frozenset(
    _ASCII_LETTERS_AND_DIGITS + AT_SIGNS + HASH_SIGNS + NON_CHARACTERS + "$"
)
_NO_STOPS: Final = re.compile(rf"[^{DOMAIN_STOPS}]*+")

_ASCII_TLD: Final = re.compile(r"[A-Za-z0-9]{1,24}+(?![A-Za-z0-9@+\-])|[Xx][Nn]--[A-Za-z0-9\-]+")
_OTHER_TLD_LENGTHS: Final = sorted(
    {len(name) for name in TOP_LEVEL_DOMAINS if not name.isascii()}, reverse=True
)
_NOT_AFTER_TLD: Final = frozenset(_ASCII_LETTERS_AND_DIGITS + "@+-")
_LATIN_LABELS: Final = re.compile(rf"(?:[A-Za-z0-9\-{LATIN_ACCENTS}]++\.)++")
_OTHER_FULL_STOPS: Final = re.compile("[\u3002\uff0e\uff61]")  # they too end a label in IDNA


def may_precede_url(character: str) -> bool:
    """Whether a URL may begin right after this character."""
    return character not in _NOT_BEFORE


def run_around(text: str, at: int, lowest: int) -> tuple[int, int]:
    """The span around `at` in which every character may stand in a domain."""
    before = _NO_STOPS.match(text[lowest:at][::-1])
    after = _NO_STOPS.match(text, at)
    return at - (before.end() if before else 0), after.end() if after else at


def domains_in_run(text: str, start: int, stop: int, used: int) -> Iterator[tuple[int, int]]:
    """Where the domains in a run of domain characters start and end.

    What lies before `used` belongs to an earlier match and cannot stand before a domain.
    """
    labels = _labels(text, start, stop)
    tld_ends = [tld_end(text, first) for first, _ in labels[1:]]
    if not any(tld_ends):
        return
    chain_ends = _chain_ends(text, labels[1:], tld_ends[1:])
    for (first, last), tld, chain in zip(labels, tld_ends, chain_ends, strict=False):
        if (tld or chain) and text[last - 1] not in "-_.":
            # Underscores are for subdomains: right before the top-level domain is none.
            lowest = first if chain else max(first, text.rfind("_", first, last) + 1)
            begin = _first_start(text, lowest, last, used)
            if begin is not None:
                used = chain or tld
                yield begin, used


def _labels(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    labels = []
    for label in text[start:stop].split("."):
        labels.append((start, start + len(label)))
        start += len(label) + 1
    return labels


def _chain_ends(text: str, labels: list[tuple[int, int]], tld_ends: list[int]) -> list[int]:
    """For each label, where the longest domain ends that goes on with it; 0 if there is none."""
    ends = [0] * len(labels)
    end = 0
    for index in range(len(tld_ends) - 1, -1, -1):
        first, last = labels[index]
        if first == last or text[first] in "-_" or text[last - 1] in "-_":
            end = 0
        elif not end and "_" not in text[first:last]:
            end = tld_ends[index]
        ends[index] = end
    return ends


def _first_start(text: str, lowest: int, stop: int, used: int) -> int | None:
    for at in range(lowest, stop):
        free = at == 0 or (at > used and may_precede_url(text[at - 1]))
        if free and text[at] not in "-_":
            return at
    return None


def tld_end(text: str, at: int) -> int:
    """Where the top-level domain that starts at `at` ends; 0 if none starts there."""
    found = _ASCII_TLD.match(text, at)
    if found is not None:
        name = found[0].lower()
        if name in TOP_LEVEL_DOMAINS or name.startswith("xn--"):
            return found.end()
    return _other_tld_end(text, at)


def _other_tld_end(text: str, at: int) -> int:
    if text[at : at + _OTHER_TLD_LENGTHS[0]].isascii():
        return 0
    for length in _OTHER_TLD_LENGTHS:
        end = at + length
        if text[at:end].lower() in TOP_LEVEL_DOMAINS and text[end : end + 1] not in _NOT_AFTER_TLD:
            return min(end, len(text))
    return 0


def latin_domains(domain: str) -> list[tuple[int, int]]:
    """The domains within `domain` whose labels are Latin: what is left of it without a protocol."""
    spans = []
    at = 0
    while labels := _LATIN_LABELS.search(domain, at):
        end = _last_tld_end(domain, labels.start(), labels.end())
        if end:
            spans.append((labels.start(), end))
        at = end or labels.end()
    return spans


def _last_tld_end(domain: str, start: int, after_dot: int) -> int:
    while after_dot > start:
        end = tld_end(domain, after_dot)
        if end:
            return end
        after_dot = domain.rfind(".", start, after_dot - 1) + 1
    return 0


def is_encodable(domain: str) -> bool:
    """Whether the name fits into DNS."""
    if not all(map(_label_fits, domain.split("."))):
        return False
    # A name already in Punycode mixes with other scripts only by mistake.
    return not domain.startswith("xn--") or bool(latin_domains(domain))


def _label_fits(label: str) -> bool:
    if label.isascii() or len(label) > LABEL_CHARS_MAX:
        return len(label) <= LABEL_CHARS_MAX
    parts = _OTHER_FULL_STOPS.split(label)
    return sum(map(_encoded_length, parts)) + len(parts) - 1 <= LABEL_CHARS_MAX


def _encoded_length(label: str) -> int:
    if label.isascii():
        return len(label)
    return len(label.encode("punycode")) + len("xn--")
