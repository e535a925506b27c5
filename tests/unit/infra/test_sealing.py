"""No nonce is ever used twice with a key, whoever seals; and if one is, nothing can be read."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.ids import AccountId
from infra import sealing
from infra.sealing import FORMAT, NONCE_BYTES

ADA = AccountId(1)
KEY = sealing.new_key()


def nonce(_turn: int = 0) -> bytes:
    return sealing.seal(KEY, ADA, b"words")[len(FORMAT) :][:NONCE_BYTES]


def test_each_seal_has_a_nonce_of_its_own() -> None:
    with ThreadPoolExecutor(4) as threads:
        nonces = list(threads.map(nonce, range(1_000)))

    assert len(set(nonces)) == len(nonces)


def test_a_process_that_forks_off_draws_its_own() -> None:
    nonce()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(tell, nonce())
        finally:
            os._exit(0)  # whatever happens: this is a copy of the whole test run
    os.close(tell)
    # This process may have other children, whose ends others wait for.
    os.waitpid(child, 0)

    drawn = os.read(told, NONCE_BYTES)
    os.close(told)
    assert len(drawn) == NONCE_BYTES
    assert drawn != nonce()


def test_a_nonce_that_comes_twice_gives_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where two copies of a virtual machine go on from one moment."""
    monkeypatch.setattr(sealing, "_nonce", lambda: bytes(NONCE_BYTES))
    words, others = b"what ada wrote here", b"what ada wrote there"[:19]

    once, again = (
        sealing.seal(KEY, ADA, clear)[len(FORMAT) + NONCE_BYTES :] for clear in (words, others)
    )

    assert xor(once, again)[: len(words)] != xor(words, others)
    assert sealing.seal(KEY, ADA, words).endswith(once)


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def test_what_was_sealed_before_can_be_read() -> None:
    """Format 1."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = b"\x01" + nonce + AESGCM(KEY).encrypt(nonce, b"words", ADA.to_bytes(8, "big"))

    assert sealing.unseal(KEY, ADA, sealed) == b"words"


@pytest.mark.parametrize("turned", [0, 1, 20, -1])
def test_what_was_changed_cannot_be_read(turned: int) -> None:
    sealed = bytearray(sealing.seal(KEY, ADA, b"words"))
    sealed[turned] ^= 3

    with pytest.raises(ValueError, match="sealed"):
        sealing.unseal(KEY, ADA, bytes(sealed))


def test_it_is_bound_to_the_person() -> None:
    with pytest.raises(ValueError, match="sealed"):
        sealing.unseal(KEY, AccountId(2), sealing.seal(KEY, ADA, b"words"))
