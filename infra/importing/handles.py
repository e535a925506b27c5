"""Which handle an imported person gets: a function of where they come from, so always the same."""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from domain.accounts import HANDLE_CHARS_MAX, HANDLE_PATTERN

SUFFIX_CHARS: Final = 5
ATTEMPTS_MAX: Final = 8
_HANDLE: Final = re.compile(HANDLE_PATTERN)
_LETTER: Final = re.compile("[A-Za-z]")
_FOREIGN: Final = re.compile("[^A-Za-z0-9_]+")
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"


def candidates(namespace: str, file_id: str) -> Iterator[str]:
    """Handles for a person, the best first: the id itself, `u<id>`, then with a suffix."""
    named = file_id if _LETTER.search(file_id) else f"u{file_id}"
    if _HANDLE.fullmatch(named):
        yield named
    stem = _FOREIGN.sub("_", named).strip("_") or "u"
    stem = stem[: HANDLE_CHARS_MAX - SUFFIX_CHARS - 1]
    for attempt in range(ATTEMPTS_MAX):
        yield f"{stem}_{_suffix(f'{attempt}/{namespace}/{file_id}')}"


def _suffix(origin: str) -> str:
    digest = blake2b(origin.encode("utf-8", "surrogatepass"), digest_size=SUFFIX_CHARS).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)
