"""Hashtags, mentions, list names and cashtags: words that a sign in front makes special.

The rules are those of twitter-text (Apache-2.0). A sign counts only after certain characters, and
what one match has used up cannot stand before the next: hence `used`, the end of the last match.
"""

import re
from typing import Final

from domain.text.characters import (
    AT_SIGNS,
    DIGITS,
    HASH_SIGNS,
    HASHTAG_SIGNS,
    LATIN_ACCENTS,
    LETTERS,
    MARKS,
    PUNCTUATION,
    SPACES,
)
from domain.text.entities import Cashtag, Hashtag, Mention

_TAG_LETTER: Final = LETTERS + MARKS
_TAG_OTHER: Final = DIGITS + HASHTAG_SIGNS
_VARIATION_SELECTORS: Final = "\ufe0e\ufe0f"
# The possessive halves meet at the first letter, so that a tag is read once and never again.
_HASHTAG: Final = re.compile(
    rf"[{HASH_SIGNS}](?!\ufe0f|\u20e3)([{_TAG_OTHER}]*+[{_TAG_LETTER}][{_TAG_LETTER}{_TAG_OTHER}]*+)"
)
_BEFORE_HASHTAG: Final = re.compile(rf"[{_VARIATION_SELECTORS}]|[^&{_TAG_LETTER}{_TAG_OTHER}]")
_AFTER_NO_HASHTAG: Final = re.compile(rf"[{HASH_SIGNS}]|://")

_HANDLE: Final = "[A-Za-z0-9_]{1,20}"
_MENTION: Final = re.compile(rf"[{AT_SIGNS}]({_HANDLE})(/[A-Za-z][A-Za-z0-9_-]{{0,24}})?")
_BEFORE_MENTION: Final = re.compile(r"[^A-Za-z0-9_!#$%&*@\uff20]")
_BEFORE_OLD_RETWEET: Final = re.compile(r"[^A-Za-z0-9_+~.\-]")
_AFTER_NO_MENTION: Final = re.compile(rf"[{AT_SIGNS}{LATIN_ACCENTS}]|://")
_REPLY: Final = re.compile(rf"[{SPACES}]*+[{AT_SIGNS}]({_HANDLE})")

_CASHTAG: Final = re.compile(
    rf"(?<![^{SPACES}])\$([A-Za-z]{{1,6}}(?:[._][A-Za-z]{{1,2}})?)(?![^{SPACES}{PUNCTUATION}])"
)


def find_hashtags(text: str) -> list[Hashtag]:
    """Every hashtag, also one inside a URL."""
    tags: list[Hashtag] = []
    if "#" not in text and "\uff03" not in text:
        return tags
    used = 0
    for found in _HASHTAG.finditer(text):
        start, end = found.span()
        if start > 0 and (start == used or not _BEFORE_HASHTAG.match(text, start - 1)):
            continue
        used = end
        if not _AFTER_NO_HASHTAG.match(text, end):
            tags.append(Hashtag(found[1], start, end))
    return tags


def find_mentions_and_lists(text: str) -> list[Mention]:
    """Every mention and every name of a list, also one inside a URL."""
    mentions: list[Mention] = []
    if "@" not in text and "\uff20" not in text:
        return mentions
    used = 0
    for found in _MENTION.finditer(text):
        start, end = found.span()
        if not _mention_may_start(text, start, used):
            continue
        used = end
        if not _AFTER_NO_MENTION.match(text, end):
            mentions.append(Mention(found[1], start, end, found[2] or ""))
    return mentions


def _mention_may_start(text: str, at: int, used: int) -> bool:
    if at == 0:
        return True
    if at == used:
        return False
    return bool(_BEFORE_MENTION.match(text, at - 1)) or _ends_old_retweet(text, at, used)


def _ends_old_retweet(text: str, at: int, used: int) -> bool:
    """Whether "RT" stands right before the sign, as in RT@jack."""
    if text[max(at - 2, used) : at].lower() != "rt":
        return False
    return at == 2 or (at - 2 > used and bool(_BEFORE_OLD_RETWEET.match(text, at - 3)))


def find_reply(text: str) -> str | None:
    """The handle that the text opens with, if it opens with one."""
    found = _REPLY.match(text)
    if found is None or _AFTER_NO_MENTION.match(text, found.end()):
        return None
    return found[1]


def find_cashtags(text: str) -> list[Cashtag]:
    """Every cashtag ($TWTR, $BRK.A)."""
    return [Cashtag(found[1], *found.span()) for found in _CASHTAG.finditer(text)]
