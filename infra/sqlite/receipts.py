"""Answers of Idempotency-Keys as rows of the log's file: sealed, because they repeat what people
wrote, and dropped when nobody can ask for them any more."""

from typing import Final, NamedTuple

import msgspec

from commands.ports import Answer, Receipt
from domain.errors import KeyReused
from domain.ids import AccountId
from streams.envelope import Erased, Keyring

KEPT_MS: Final = 48 * 3_600_000

# What an import brought in (scopes "import/...") is known for ever: a second one adds nothing.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS receipts (
    scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL,
    answer BLOB NOT NULL, kept_at_ms INTEGER NOT NULL,
    PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS receipts_by_age ON receipts (kept_at_ms)
    WHERE substr(scope, 1, 7) <> 'import/'
"""
INSERT: Final = "INSERT INTO receipts VALUES (?,?,?,?,?)"
DROP_OLD: Final = """
DELETE FROM receipts WHERE (scope, key) IN (
    SELECT scope, key FROM receipts
    WHERE kept_at_ms < ? AND substr(scope, 1, 7) <> 'import/'
    LIMIT 10000)
"""

# Whose key seals an answer that belongs to no account yet (a sign-up) or to an import.
_INSTALLATION: Final = AccountId(0)
_answers: Final = msgspec.msgpack.Decoder(Answer)


class ReceiptRow(NamedTuple):
    """A row of the table."""

    scope: str
    key: str
    fingerprint: bytes
    answer: bytes
    kept_at_ms: int


def to_row(receipt: Receipt, keyring: Keyring, *, now_ms: int) -> ReceiptRow:
    """The row of a receipt. Raises Unavailable."""
    sealed = keyring.seal(_person_of(receipt.scope), msgspec.msgpack.encode(receipt.answer))
    return ReceiptRow(receipt.scope, receipt.key, receipt.fingerprint, sealed, now_ms)


def answer_of(scope: str, sealed: bytes, keyring: Keyring) -> Answer:
    """What was answered. Raises Unavailable, KeyReused for a person who was erased since."""
    try:
        return _answers.decode(keyring.open(_person_of(scope), sealed))
    except Erased as error:
        raise KeyReused from error


def _person_of(scope: str) -> AccountId:
    return AccountId(int(scope)) if scope.isdigit() else _INSTALLATION
