"""The language people search in: whatever is typed means something, nothing is an error.

    words          every one of them, in any order; by relevance, any of them
    "a phrase"     side by side
    #tag  @handle  exactly that one
    from:handle    the author; several mean any of them
    since:  until: days (YYYY-MM-DD, UTC): from the first moment of `since` up to, and without, the
                   first moment of `until`
    has:links  has:media
    -anything      (after a space) not that; a query of nothing but these finds nothing

What looks like an operator and is none (`since:yesterday`, `has:foo`) is words.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from domain.search_terms import query_phrases

QUERY_CHARS_MAX: Final = 500  # what is longer is cut
QUERY_PHRASES_MAX: Final = 32  # what comes after is left out

Phrase = tuple[str, ...]
_T = TypeVar("_T")

_CHUNK: Final = re.compile(r'((?<!\S)-)?(?:["“”]([^"“”]*)["“”]?|([^\s"“”]+))')
_OPERATOR: Final = re.compile(r"(from|since|until|has):(.+)", re.IGNORECASE | re.DOTALL)
_HANDLE: Final = re.compile(r"@?([A-Za-z0-9_]{1,20})")
_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_FACETS: Final = frozenset({"links", "media"})


class PostQuery(NamedTuple):
    """What posts are asked for. A phrase is terms (`domain.search_terms`) side by side.

    `words` may be typed in any order; `phrases` (quoted, tags, handles) are never left out. Of
    `without`, each is phrases of which a post must not hold all. Handles are lower-cased.
    """

    words: tuple[Phrase, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    without: tuple[tuple[Phrase, ...], ...] = ()
    authors: tuple[str, ...] = ()
    not_authors: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    has_not: tuple[str, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None

    @property
    def finds_nothing(self) -> bool:
        """Whether nothing is asked for, only something excluded."""
        dated = self.since_ms is not None or self.until_ms is not None
        return not (self.words or self.phrases or self.authors or self.has or dated)


class PeopleQuery(NamedTuple):
    """Who is asked for: a handle that begins with `handle`, or a display name with all of `words`,
    of which the very last term may be the beginning of a word."""

    handle: str | None = None
    words: tuple[Phrase, ...] = ()


class _Parts:
    """A query as it is read, chunk by chunk."""

    def __init__(self) -> None:
        self.words: list[Phrase] = []
        self.phrases: list[Phrase] = []
        self.without: list[tuple[Phrase, ...]] = []
        self.handles: dict[bool, list[str]] = {False: [], True: []}
        self.facets: dict[bool, list[str]] = {False: [], True: []}
        self.since: list[int] = []
        self.until: list[int] = []

    def take(self, text: str, *, negated: bool, quoted: bool) -> None:
        """Read one chunk: an operator or something to look for."""
        operator = None if quoted else _OPERATOR.fullmatch(text)
        if operator and self._take_operator(operator[1].lower(), operator[2], negated=negated):
            return
        found = tuple(tuple(phrase) for phrase in query_phrases(f'"{text}"' if quoted else text))
        if not found:
            return
        if negated:
            self.without.append(found)
        elif quoted or found[0][0][0] in "#@":
            self.phrases.extend(found)
        else:
            self.words.extend(found)

    def _take_operator(self, name: str, value: str, *, negated: bool) -> bool:
        if name == "from" and (handle := _HANDLE.fullmatch(value)):
            self.handles[negated].append(handle[1].lower())
        elif name == "has" and value.lower() in _FACETS:
            self.facets[negated].append(value.lower())
        elif not negated and name in {"since", "until"} and (day := _day_ms(value)) is not None:
            (self.since if name == "since" else self.until).append(day)
        else:
            return False
        return True


def parse_query(text: str) -> PostQuery:
    """What a search for posts asks for. Never fails; bounded whatever is typed."""
    parts = _Parts()
    for negated, chunk, quoted in _chunks(text):
        parts.take(chunk, negated=negated, quoted=quoted)
    return PostQuery(
        words=_bounded(parts.words),
        phrases=_bounded(parts.phrases),
        without=_bounded(parts.without),
        authors=_bounded(parts.handles[False]),
        not_authors=_bounded(parts.handles[True]),
        has=_bounded(parts.facets[False]),
        has_not=_bounded(parts.facets[True]),
        since_ms=max(parts.since, default=None),
        until_ms=min(parts.until, default=None),
    )


def parse_people(text: str) -> PeopleQuery:
    """Who a search for people asks for. Never fails; bounded whatever is typed."""
    text = text[:QUERY_CHARS_MAX].strip()
    handle = _HANDLE.fullmatch(text)
    phrases = query_phrases(text.lstrip("@").replace('"', " "))
    return PeopleQuery(
        handle=handle[1].lower() if handle else None,
        words=_bounded([tuple(phrase) for phrase in phrases]),
    )


def _chunks(text: str) -> Iterator[tuple[bool, str, bool]]:
    for chunk in _CHUNK.finditer(text[:QUERY_CHARS_MAX]):
        sign, quoted, plain = chunk.groups()
        yield bool(sign), plain if quoted is None else quoted, quoted is not None


def _bounded(found: list[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(found))[:QUERY_PHRASES_MAX]


def _day_ms(value: str) -> int | None:
    """Unix milliseconds of the day's first moment; None if there is no such day."""
    parts = _DAY.fullmatch(value)
    if parts is None:
        return None
    try:
        day = datetime(int(parts[1]), int(parts[2]), int(parts[3]), tzinfo=UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * 1000
