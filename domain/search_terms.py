"""The one tokenizer of search: the terms that a text is found by, and the phrases of a query.

A backend indexes the list of `search_terms` joined by spaces and splits it at spaces only; a phrase
is terms that stand side by side in it. Terms hold no whitespace, quotes or control characters.
The list has two parts:

- The words in reading order, folded (`domain.text.folding`). A script without spaces between words
  gives a term for each character: the character with its successor, the last of a run alone. So
  今天天气 reads 今天 天天 天气 气, and 天气 is found in it, as is 天天气 by 天天 beside 天气.
- Terms that never stand in a phrase, once each: the single characters of those scripts, emoji, and
  hashtags and handles with their sign, so that #cats finds the tag and cats finds the word as well.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple
from urllib.parse import unquote

from domain.text import Url, extract_entities
from domain.text.characters import AT_SIGNS, DIGITS, HASH_SIGNS, LETTERS, MARKS
from domain.text.emoji import EMOJI, REGIONAL
from domain.text.folding import fold

TERM_CHARS_MAX: Final = 64  # what is longer is cut, in texts and in queries alike

# Letters only: the marks of these scripts stay with the letter before them. Hangul is among them
# although Korean has spaces, because its words carry their particles along.
_HAN: Final = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_KANA: Final = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_BOPOMOFO: Final = "\u3105-\u312f\u31a0-\u31bf"
_HANGUL: Final = "\u1100-\u11ff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
_THAI: Final = "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46"
_LAO: Final = "\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"
_KHMER: Final = "\u1780-\u17b3\u17d7\u17dc"
_MYANMAR: Final = "\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070"
_SHAN: Final = "\u1075-\u1081\u108e\ua9e0-\ua9ef\uaa60-\uaa7a"
_SPACELESS: Final = _HAN + _KANA + _BOPOMOFO + _HANGUL + _THAI + _LAO + _KHMER + _MYANMAR + _SHAN

_ASCII_WORD: Final = re.compile("[a-z0-9_]+")
_UNIT: Final = re.compile(f"[{_SPACELESS}][{MARKS}]*+")
_PIECE: Final = re.compile(
    rf"(?:[{_SPACELESS}][{MARKS}]*+)++"
    rf"|[{LETTERS}{DIGITS}_](?:(?![{_SPACELESS}])[{LETTERS}{DIGITS}{MARKS}_])*+"
)
_NOT_IN_WORDS: Final = re.compile(rf"[^{LETTERS}{DIGITS}{MARKS}_]")
_SIGN: Final = re.compile(f"[{REGIONAL}]{{2}}|[{EMOJI}]")

# Of a link, its host and its path are words; the rest is for machines.
_LINK_WORDS: Final = re.compile(r"(?:https?://)?(?:www\.)?([^?#]*)", re.IGNORECASE)
_CHUNK: Final = re.compile(r'["\u201c\u201d]([^"\u201c\u201d]*)|([^\s"\u201c\u201d]+)')


class _Piece(NamedTuple):
    """A word, or a run of characters of a script without spaces."""

    units: list[str]
    spaceless: bool

    def terms(self) -> list[str]:
        return [*self.pairs(), self.units[-1]]

    def pairs(self) -> list[str]:
        return [(first + second)[:TERM_CHARS_MAX] for first, second in pairwise(self.units)]


def search_terms(text: str) -> list[str]:
    """The terms to index a text under, in order: joined by spaces they make its search document."""
    entities = extract_entities(text)
    tags = [tag.tag for tag in entities.hashtags]
    return terms_around(text, entities.urls, tags, [at.handle for at in entities.mentions])


def terms_around(
    text: str, urls: Sequence[Url], tags: Iterable[str], handles: Iterable[str]
) -> list[str]:
    """As `search_terms`, of a text in which these were found before."""
    words, alone = _words(fold(_with_links_as_words(text, urls)))
    alone += map(_tag_term, tags)
    alone += map(_handle_term, handles)
    seen = set(words)
    return words + [term for term in dict.fromkeys(alone) if term not in seen]


def query_phrases(query: str) -> list[list[str]]:
    """What a text must hold to be found: every phrase, the terms of each side by side.

    What is written without spaces, or between quotes, is one phrase. Empty if nothing is asked.
    """
    phrases: list[list[str]] = []
    for quoted, plain in _CHUNK.findall(query):
        phrases += (plain and _signed(plain)) or _phrases(plain or quoted)
    return phrases


def _signed(chunk: str) -> list[list[str]]:
    """The one term of a hashtag or handle with its sign, if the chunk is just that."""
    if chunk[0] not in AT_SIGNS + HASH_SIGNS:
        return []
    whole = (0, len(chunk))
    entities = extract_entities(chunk)
    tags = [_tag_term(tag.tag) for tag in entities.hashtags if (tag.start, tag.end) == whole]
    handles = [_handle_term(at.handle) for at in entities.mentions if (at.start, at.end) == whole]
    return [[term] for term in tags + handles]


def _phrases(text: str) -> list[list[str]]:
    folded = fold(_with_links_as_words(text, extract_entities(text).urls))
    signs = [[sign] for sign in dict.fromkeys(_signs(folded))]
    pieces = _pieces(folded)
    if not pieces:
        return signs
    phrase = [term for piece in pieces[:-1] for term in piece.terms()]
    last = pieces[-1]
    if last.spaceless and len(last.units) == 1:
        # A text may go on after this character: as a pair there, but always alone at the end.
        return [phrase, last.units, *signs] if phrase else [last.units, *signs]
    return [phrase + (last.pairs() or last.units), *signs]


def _words(folded: str) -> tuple[list[str], list[str]]:
    """The terms of its words in reading order, and those that never stand in a phrase."""
    if folded.isascii():
        return [word[:TERM_CHARS_MAX] for word in _ASCII_WORD.findall(folded)], []
    pieces = _pieces(folded)
    units = [unit for piece in pieces if piece.spaceless for unit in piece.units]
    return [term for piece in pieces for term in piece.terms()], units + _signs(folded)


def _pieces(folded: str) -> list[_Piece]:
    return [_piece(found) for found in _PIECE.findall(folded)]


def _piece(found: str) -> _Piece:
    if _UNIT.match(found):
        units = [unit[:TERM_CHARS_MAX] for unit in _UNIT.findall(found)]
        return _Piece(units, True)
    return _Piece([found[:TERM_CHARS_MAX]], False)


def _signs(folded: str) -> list[str]:
    return [] if folded.isascii() else _SIGN.findall(folded)


def _tag_term(tag: str) -> str:
    return "#" + _NOT_IN_WORDS.sub("", fold(tag))[:TERM_CHARS_MAX]


def _handle_term(handle: str) -> str:
    return "@" + handle.lower()


def _with_links_as_words(text: str, urls: Sequence[Url]) -> str:
    return " ".join(_words_and_links(text, urls)) if urls else text


def _words_and_links(text: str, urls: Sequence[Url]) -> Iterator[str]:
    start = 0
    for url in urls:
        yield text[start : url.start]
        yield _link_words(url.url)
        start = url.end
    yield text[start:]


def _link_words(url: str) -> str:
    found = _LINK_WORDS.match(url)
    return unquote(found[1]) if found else url
