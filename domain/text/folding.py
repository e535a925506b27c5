"""How search and comparison read a text: letters alike that people type for one another.

Beyond Unicode's NFKC case folding, which also drops what is invisible, the marks go that are
commonly left out in typing: accents on Latin and Greek letters, Arabic and Hebrew vowel signs.
Marks that make another letter or vowel (Cyrillic, Devanagari, Thai ...) stay.
"""

import re
import unicodedata
from typing import Final

# Joiners, soft hyphens, directional marks, variation selectors: Unicode's default ignorables.
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_ARABIC_SIGNS: Final = (
    "\u0640\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
)
_HEBREW_SIGNS: Final = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
_ALWAYS: Final = re.compile(f"[{_INVISIBLE}{_ARABIC_SIGNS}{_HEBREW_SIGNS}]+")
_ACCENTS: Final = re.compile(
    "(?<=[a-z\u00df-\u02af\u0370-\u03ff])[\u0300-\u036f]+|(?<=\u0627)[\u0653-\u0655]+"
)


def fold(text: str) -> str:
    """The text in the form in which it is compared."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()
    # What always goes may stand between a letter and its accents.
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", _ALWAYS.sub("", folded)))
