"""Answers kept for Idempotency-Keys: sealed, because they repeat what people wrote."""

from typing import Final

import msgspec

from commands.ports import Answer
from domain.errors import KeyReused
from domain.ids import AccountId
from streams.envelope import Erased, Keyring

KEPT_MS: Final = 48 * 3_600_000
# What an import brought in is known for ever: a second one adds nothing.
IMPORTS: Final = "import/"

# Whose key seals an answer that belongs to no account yet (a sign-up) or to an import.
_INSTALLATION: Final = AccountId(0)
_answers: Final = msgspec.msgpack.Decoder(Answer)


def person_of(scope: str) -> AccountId:
    """Whose key seals the answers of a scope."""
    return AccountId(int(scope)) if scope.isdigit() else _INSTALLATION


def sealed_answer(scope: str, answer: Answer, keyring: Keyring) -> bytes:
    """The answer as it is kept. Raises Unavailable."""
    return keyring.seal(person_of(scope), msgspec.msgpack.encode(answer))


def answer_of(scope: str, sealed: bytes, keyring: Keyring) -> Answer:
    """What was answered. Raises Unavailable, KeyReused for a person who was erased since."""
    try:
        return _answers.decode(keyring.open(person_of(scope), sealed))
    except Erased as error:
        raise KeyReused from error
