"""The characters that the text rules speak of, each set spelt as the inside of a regex [...].

The sets are those of twitter-text (Apache-2.0, https://github.com/twitter/twitter-text), except
that letters, marks and digits follow the interpreter's Unicode instead of a frozen list.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# Letters, marks and digits all lie in the first three planes and among the last variation
# selectors; to look at the other 900,000 code points would only slow the import down.
_ASSIGNED: Final = (range(0x32400), range(0xE0100, 0xE01F0))


def _kind(code_point: int) -> str:
    category = unicodedata.category(chr(code_point))
    return "d" if category == "Nd" else category[0]


def _kinds() -> list[tuple[int, str]]:
    return [(block.start, "".join(map(_kind, block))) for block in _ASSIGNED]


_KINDS: Final = _kinds()


def of_kinds(kinds: str) -> str:
    """The characters of these kinds: L for letters, M for combining marks, d for digits."""
    run = re.compile(f"[{kinds}]+")
    return "".join(
        f"{chr(first + found.start())}-{chr(first + found.end() - 1)}"
        for first, block in _KINDS
        for found in run.finditer(block)
    )


def of_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    """The characters of these ranges, both ends included."""
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


LETTERS: Final = of_kinds("L")
MARKS: Final = of_kinds("M")
DIGITS: Final = of_kinds("d")

LATIN_ACCENTS: Final = (
    "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268"
    "\u026f\u0272\u0289\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)
CYRILLIC: Final = "\u0400-\u04ff"
_OUTSIDE_DOMAINS: Final = r"!'#%&()*+,\\/:;<=>?@\[\]\^{|}~$"
PUNCTUATION: Final = _OUTSIDE_DOMAINS + r"\-._"
SPACES: Final = (
    "\u0009-\u000d\u0020\u0085\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
)
DIRECTIONAL_MARKS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
NON_CHARACTERS: Final = "\ufeff\ufffe\uffff"
DOMAIN_STOPS: Final = _OUTSIDE_DOMAINS + SPACES + NON_CHARACTERS + DIRECTIONAL_MARKS

AT_SIGNS: Final = "@\uff20"
HASH_SIGNS: Final = "#\uff03"
# Signs that are no letters but stand inside words: middle dots, wave dashes, joiners ...
HASHTAG_SIGNS: Final = (
    "_\u00b7\u05be\u05f3\u05f4\u0f0b\u0f0c\u200c\u200d"
    "\u3003\u301c\u309b\u309c\u30a0\u30fb\ua67e\uff5e"
)
