"""What can be found in a text. Offsets count code points and `end` is exclusive.

Hashtags and URLs are stored inside events: their field names are for ever.
"""

from typing import TypeAlias

import msgspec


class Hashtag(msgspec.Struct, frozen=True):
    """`tag` is without its #, spelt as the author did."""

    tag: str
    start: int
    end: int


class Mention(msgspec.Struct, frozen=True):
    """`handle` is without its @; `list_slug` ("/friends") makes it the name of a list instead."""

    handle: str
    start: int
    end: int
    list_slug: str = ""


class Url(msgspec.Struct, frozen=True):
    """`url` is as written: often without a protocol."""

    url: str
    start: int
    end: int


Entity: TypeAlias = Hashtag | Mention | Url


class Cashtag(msgspec.Struct, frozen=True):
    """`symbol` is without its $."""

    symbol: str
    start: int
    end: int


class Entities(msgspec.Struct, frozen=True):
    """Every occurrence in order; no two of them overlap."""

    hashtags: tuple[Hashtag, ...] = ()
    mentions: tuple[Mention, ...] = ()
    urls: tuple[Url, ...] = ()
