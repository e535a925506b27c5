"""Where the URLs of a text are, with or without a protocol, in time linear in its length.

The rules are those of twitter-text (Apache-2.0), which states them as one backtracking regex. Here
each dot is looked at once: the run of domain characters around it holds the domains, and what
follows a domain is its port, path and query.
"""

import re
from typing import Final

from domain.text.characters import CYRILLIC, LATIN_ACCENTS
from domain.text.domains import (
    domains_in_run,
    is_encodable,
    latin_domains,
    may_precede_url,
    run_around,
)
from domain.text.entities import Url

URL_CHARS_MAX: Final = 4096
TCO_SLUG_CHARS_MAX: Final = 40

_PATH: Final = rf"A-Za-z0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{CYRILLIC}{LATIN_ACCENTS}"
_PATH_END: Final = rf"A-Za-z0-9+\-=_#/{CYRILLIC}{LATIN_ACCENTS}"
# Up to two levels, as in /Primer_(film) and /We_Up_(Album_Version_(Edited))/.
_PARENTHESES: Final = rf"\((?:[{_PATH}]++|[{_PATH}]*+\([{_PATH}]++\)[{_PATH}]*+)\)"
_PATH_PIECE: Final = (
    rf"[{_PATH}]*(?:{_PARENTHESES}[{_PATH}]*)*[{_PATH_END}]|{_PARENTHESES}|@[{_PATH}]+/"
)
_QUERY: Final = r"\?[A-Za-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[A-Za-z0-9\-_&=#/]"
_AFTER_DOMAIN: Final = re.compile(rf"(?::[0-9]+)?(/(?:{_PATH_PIECE})*)?(?:{_QUERY})?")
_TCO: Final = re.compile(rf"https?://t\.co/([a-z0-9]+)(?:{_QUERY})?", re.IGNORECASE | re.ASCII)
_PROTOCOLS: Final = ("http://", "https://")


def find_urls(text: str) -> list[Url]:
    """Every URL in order."""
    urls: list[Url] = []
    read = used = 0
    dot = text.find(".")
    while dot >= 0:
        start, stop = run_around(text, dot, read)
        used = _read_run(text, start, stop, used, urls)
        read = max(stop, used)
        dot = text.find(".", read)
    return urls


def _read_run(text: str, start: int, stop: int, used: int, urls: list[Url]) -> int:
    """Add the URLs that begin in a run of domain characters; tells where the last match ends."""
    protocol = _protocol_start(text, start, used)
    for first, last in domains_in_run(text, start, stop, used):
        after = _AFTER_DOMAIN.match(text, last)
        end = after.end() if after else last
        has_path = after is not None and after[1] is not None
        if first == start and protocol < start:
            urls += _with_protocol(text, protocol, first, last, end)
        else:
            urls += _without_protocol(text, first, last, end if has_path else last)
        used = end
        if end > last:  # the path may have taken the rest of the run along
            break
    return used


def _protocol_start(text: str, domain_start: int, used: int) -> int:
    """Where the protocol of a domain starts; at the domain itself if it has none."""
    for protocol in _PROTOCOLS:
        start = domain_start - len(protocol)
        if start >= 0 and text[start:domain_start].lower() == protocol:
            free = start == 0 or (start > used and may_precede_url(text[start - 1]))
            return start if free else domain_start
    return domain_start


def _with_protocol(text: str, start: int, first: int, last: int, end: int) -> list[Url]:
    url = text[start:end]
    if len(url) + first - start > URL_CHARS_MAX or not is_encodable(text[first:last]):
        return []
    tco = _TCO.match(url)
    if tco is None:
        return [Url(url, start, end)]
    if len(tco[1]) > TCO_SLUG_CHARS_MAX:
        return []
    return [Url(tco[0], start, start + tco.end())]


def _without_protocol(text: str, first: int, last: int, end: int) -> list[Url]:
    """In a name without a protocol only the Latin parts count: the rest may be plain words."""
    if first > 0 and text[first - 1] in "-_./":
        return []
    domain = text[first:last]
    if end - first + len("https://") > URL_CHARS_MAX or not is_encodable(domain):
        return []
    spans = [(first + a, first + b) for a, b in latin_domains(domain)]
    if spans and spans[-1][1] == last:
        spans[-1] = (spans[-1][0], end)
    return [Url(text[a:b], a, b) for a, b in spans]
