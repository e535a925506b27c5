"""If-Match: the versions of a post that an edit may be of.

Only the version part of an entity tag counts ("3" and "3.5fe1" are the same), also in a weak one:
proxies that compress weaken tags. A tag that is none of ours matches no version.
"""

import re
from collections.abc import Mapping
from typing import Final

from domain.errors import VersionRequired
from domain.posts import Versions
from web.problems import BadRequest

_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS: Final = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")
_VERSION: Final = re.compile(r'"([0-9]{1,18})(?:\.[^"]*)?"')


def versions_in(headers: Mapping[str, str]) -> Versions:
    """What If-Match names; None for `*`, which is any version.

    Raises VersionRequired (no If-Match), BadRequest (not a list of entity tags).
    """
    if_match = headers.get("if-match")
    if if_match is None:
        raise VersionRequired
    if if_match.strip() == "*":
        return None
    if not _TAGS.fullmatch(if_match):
        raise BadRequest('If-Match takes entity tags, like "3"')
    return frozenset(int(version) for version in _VERSION.findall(if_match))
