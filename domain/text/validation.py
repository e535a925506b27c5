"""Whether a whole text is one thing: a post, a hashtag, a handle, a list name or a URL.

The rules are those of twitter-text (Apache-2.0); for URLs RFC 3986 with Unicode domains.
"""

import re
from typing import Final

from domain.text.characters import CYRILLIC
from domain.text.tags import find_hashtags, find_mentions_and_lists
from domain.text.weight import V3, Configuration, weigh

_UNRESERVED: Final = rf"A-Za-z0-9\-._~{CYRILLIC}"
_DELIMITERS: Final = "!$&'()*+,;="
_PERCENT: Final = "%[0-9A-Fa-f]{2}"
_PATH_CHARACTER: Final = rf"(?:[{_UNRESERVED}{_DELIMITERS}:|@]|{_PERCENT})"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IP: Final = rf"{_OCTET}(?:\.{_OCTET}){{3}}|\[[A-Fa-f0-9:.]+\]"
_INNER: Final = r"A-Za-z0-9\u0080-\U0010ffff"
_SUBDOMAIN: Final = rf"[{_INNER}](?:[{_INNER}_\-]*[{_INNER}])?"
_DOMAIN: Final = rf"[{_INNER}](?:[{_INNER}\-]*[{_INNER}])?"
_TLD: Final = rf"[A-Za-z\u0080-\U0010ffff](?:[{_INNER}\-]*[{_INNER}])?"
_URL: Final = re.compile(
    r"(?P<protocol>[Hh][Tt][Tt][Pp][Ss]?://)?"
    rf"(?:(?:[{_UNRESERVED}{_DELIMITERS}:]|{_PERCENT})*+@)?"
    rf"(?:{_IP}|(?:{_SUBDOMAIN}\.)*{_DOMAIN}\.{_TLD})"
    r"(?::[0-9]{1,5})?"
    rf"(?:/{_PATH_CHARACTER}*+)*+"
    rf"(?:\?(?:{_PATH_CHARACTER}|[/?])*+)?"
    rf"(?:\#(?:{_PATH_CHARACTER}|[/?])*+)?"
)


def is_valid_post(text: str, configuration: Configuration = V3) -> bool:
    """Whether a text may be posted: not empty, not too long, of characters that can be stored."""
    return weigh(text, configuration).valid


def is_valid_hashtag(text: str) -> bool:
    """Whether a text is one hashtag, with its #."""
    return [(tag.start, tag.end) for tag in find_hashtags(text)] == [(0, len(text))]


def is_valid_username(text: str) -> bool:
    """Whether a text is one handle, with its @."""
    return _names(text) == [(0, len(text), False)]


def is_valid_list(text: str) -> bool:
    """Whether a text is the name of one list, as in @jack/friends."""
    return _names(text) == [(0, len(text), True)]


def _names(text: str) -> list[tuple[int, int, bool]]:
    names = find_mentions_and_lists(text)
    return [(name.start, name.end, bool(name.list_slug)) for name in names]


def is_valid_url(text: str, *, require_protocol: bool = True) -> bool:
    """Whether a text is one URL; an unknown top-level domain will do."""
    found = _URL.fullmatch(text)
    return found is not None and (found["protocol"] is not None or not require_protocol)
