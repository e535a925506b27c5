"""Bytes as opaque, URL-safe text with a check: what was cut, changed or mixed up is refused.

The check has no secret. It keeps out mistakes, not forgers, so such text must grant nothing.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

CHECK_BYTES: Final = 5


def wrap(content: bytes, *, of: str) -> str:
    """The text for `content`, for one purpose (`of`, at most 64 bytes) and no other."""
    return urlsafe_b64encode(_check(content, of) + content).decode("ascii").rstrip("=")


def unwrap(text: str, *, of: str) -> bytes:
    """What `wrap` was given. Raises ValueError for any other text than it made."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    content = raw[CHECK_BYTES:]
    # The decoder passes over foreign letters and spare bits; made again, they would be missing.
    if wrap(content, of=of) != text:
        raise ValueError("The text was changed")
    return content


def _check(content: bytes, of: str) -> bytes:
    return hashlib.blake2b(content, digest_size=CHECK_BYTES, key=of.encode()).digest()
