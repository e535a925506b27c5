"""Answers of Idempotency-Keys as rows of the log's file: sealed, because they repeat what people
wrote, and dropped when nobody can ask for them any more."""

from typing import Final, NamedTuple

from commands.ports import Receipt
from infra.sealed_answers import sealed_answer
from streams.envelope import Keyring

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


class ReceiptRow(NamedTuple):
    """A row of the table."""

    scope: str
    key: str
    fingerprint: bytes
    answer: bytes
    kept_at_ms: int


def to_row(receipt: Receipt, keyring: Keyring, *, now_ms: int) -> ReceiptRow:
    """The row of a receipt. Raises Unavailable."""
    sealed = sealed_answer(receipt.scope, receipt.answer, keyring)
    return ReceiptRow(receipt.scope, receipt.key, receipt.fingerprint, sealed, now_ms)
