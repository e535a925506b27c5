"""Idempotency-Keys in the log's own file, so that an answer and its events are one commit."""

from pathlib import Path
from typing import Final

from commands.ports import Answer, Answered, Claimed, Receipt
from domain.errors import KeyInProgress, KeyReused
from domain.positions import EMBEDDED_LOG
from infra.sealed_answers import answer_of
from infra.sqlite.connections import Readers
from infra.sqlite.event_log import SqliteEventLog
from streams.envelope import Keyring

_SELECT: Final = "SELECT fingerprint, answer FROM receipts WHERE scope = ? AND key = ?"


class SqliteIdempotency:
    """Implements `commands.ports.IdempotencyStore`.

    There is one process, so a key in progress is known in memory: it ends with the process, and
    a command whose events are not in the log then had no effect.
    """

    def __init__(self, path: Path, log: SqliteEventLog, keyring: Keyring) -> None:
        self._log = log
        self._keyring = keyring
        self._readers = Readers(path)
        self._running: dict[tuple[str, str], bytes] = {}
        self.close = self._readers.close

    async def claim(
        self,
        scope: str,
        key: str,
        fingerprint: bytes,
        *,
        by_recording: bool = False,  # noqa: ARG002 - there is nobody else
    ) -> Claimed | Answered:
        """See `IdempotencyStore.claim`."""
        running = self._running.get((scope, key))
        if running is not None:
            raise KeyInProgress if running == fingerprint else KeyReused
        row = self._readers.get().execute(_SELECT, (scope, key)).fetchone()
        if row is None:
            self._running[scope, key] = fingerprint
            return Claimed(scope, key, fingerprint)
        if row[0] != fingerprint:
            raise KeyReused
        answer = answer_of(scope, row[1], self._keyring)
        return Answered(answer, {EMBEDDED_LOG: self._log.head})

    async def complete(self, claimed: Claimed, answer: Answer) -> None:
        """See `IdempotencyStore.complete`."""
        await self._log.keep(Receipt(*claimed, answer))

    async def release(self, claimed: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        self._running.pop((claimed.scope, claimed.key), None)
