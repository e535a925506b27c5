"""No nonce is ever used twice with a key, whoever seals."""

import os
from concurrent.futures import ThreadPoolExecutor

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
    if os.fork() == 0:
        os.write(tell, nonce())
        os._exit(0)
    os.wait()

    assert os.read(told, NONCE_BYTES) != nonce()
    os.close(told)
    os.close(tell)
