"""How personal data is sealed with a person's key, and handles are blinded. Knows no storage.

What is sealed is `format byte | nonce | ciphertext and tag`, bound to the person's id. Logs are
kept for ever and so are their formats: 1 is AES-256-GCM, 2 is AES-256-GCM-SIV (RFC 8452), which
forgives a nonce that comes twice, as in a virtual machine whose snapshot is resumed twice: it shows
no more than that the same words were sealed again.
"""

import os
import secrets
from collections import deque
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

from domain.ids import AccountId

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
HANDLE_KEY_BYTES: Final = 16
FORMAT: Final = b"\x02"
_CIPHERS: Final[Mapping[bytes, type[AESGCM | AESGCMSIV]]] = {b"\x01": AESGCM, FORMAT: AESGCMSIV}
_HEAD_BYTES: Final = len(FORMAT) + NONCE_BYTES
_TAG_BYTES: Final = 16
# Each draw hands the interpreter to another thread and back, so some are drawn together. Any
# thread takes from them, each nonce once; a process that forks off draws its own.
_NONCES_TOGETHER: Final = 64
_nonces: Final[deque[bytes]] = deque()
os.register_at_fork(after_in_child=_nonces.clear)


def new_key() -> bytes:
    """A key that nobody can guess."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, person_id: AccountId, clear: bytes) -> bytes:
    """Encrypt under the person's key; never twice the same."""
    nonce = _nonce()
    return FORMAT + nonce + AESGCMSIV(key).encrypt(nonce, clear, _bound_to(person_id))


def unseal(key: bytes, person_id: AccountId, sealed: bytes) -> bytes:
    """Decrypt. Raises ValueError for bytes that this key did not seal for this person."""
    cipher = _CIPHERS.get(sealed[: len(FORMAT)])
    if cipher is None or len(sealed) < _HEAD_BYTES + _TAG_BYTES:
        raise ValueError("These bytes were not sealed by this program")
    nonce = sealed[len(FORMAT) : _HEAD_BYTES]
    try:
        return cipher(key).decrypt(nonce, sealed[_HEAD_BYTES:], _bound_to(person_id))
    except InvalidTag as error:
        raise ValueError("These bytes were not sealed with this person's key") from error


def blinded(secret: bytes, handle: str) -> str:
    """The handle, in any case, under an installation's secret: not reversible without it."""
    folded = handle.casefold().encode("utf-8", "surrogatepass")
    return blake2b(folded, key=secret, digest_size=HANDLE_KEY_BYTES).hexdigest()


def _nonce() -> bytes:
    while True:
        try:
            return _nonces.pop()
        except IndexError:
            drawn = os.urandom(NONCE_BYTES * _NONCES_TOGETHER)
            _nonces.extend(drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))


def _bound_to(person_id: AccountId) -> bytes:
    return person_id.to_bytes(8, "big")
