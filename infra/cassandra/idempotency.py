"""Idempotency-Keys of the cluster: one effect and one answer, whichever process the retry meets."""

from collections.abc import Callable
from contextlib import suppress

from commands.ports import Answer, Answered, Claimed, Receipt, VersionConflict
from domain.errors import KeyInProgress, KeyReused
from infra.cassandra.event_log import ClusterEventLog, unavailable
from infra.cassandra.receipts import Row
from projections.projection import StoreUnavailable


class CassandraIdempotency:
    """Implements `commands.ports.IdempotencyStore`.

    A key that is claimed `by_recording` costs nothing until then: the log's own conditional write
    decides whose it is, and who is second repeats what the first one recorded.
    """

    def __init__(self, log: ClusterEventLog, *, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._receipts = log.receipts
        self._now_ms = now_ms
        self._running: dict[tuple[str, str], bytes] = {}

    async def claim(
        self, scope: str, key: str, fingerprint: bytes, *, by_recording: bool = False
    ) -> Claimed | Answered:
        """See `IdempotencyStore.claim`. Raises Unavailable too."""
        running = self._running.get((scope, key))
        if running is not None:
            raise KeyInProgress if running == fingerprint else KeyReused
        self._running[scope, key] = fingerprint
        wanted = Claimed(scope, key, fingerprint)
        if by_recording:
            return wanted
        claimed: Claimed | Answered | None = None
        try:
            async with unavailable():
                claimed = await self._claim(wanted)
        finally:
            if not isinstance(claimed, Claimed):
                del self._running[scope, key]
        return claimed

    async def complete(self, claimed: Claimed, answer: Answer) -> None:
        """See `IdempotencyStore.complete`."""
        await self._log.keep(Receipt(*claimed, answer))

    async def release(self, claimed: Claimed) -> None:
        """See `IdempotencyStore.release`. Where Cassandra does not answer the lease ends."""
        self._running.pop((claimed.scope, claimed.key), None)
        with suppress(StoreUnavailable):
            await self._receipts.release(claimed.scope, claimed.key)

    async def _claim(self, wanted: Claimed) -> Claimed | Answered:
        found = await self._receipts.claim(*wanted)
        if found is None:
            return wanted
        if found.fingerprint != wanted.fingerprint:
            raise KeyReused
        if found.answer is None:
            if found.lease_until_ms > self._now_ms():
                raise KeyInProgress
            return await self._take_over(wanted, found)
        try:
            return await self._log.repeated(wanted.scope, wanted.key, found)
        except VersionConflict:
            # Its command lost to another one and died before it could say so.
            return await self._take_over(wanted, found)

    async def _take_over(self, wanted: Claimed, found: Row) -> Claimed:
        if not await self._receipts.take_over(*wanted, owner=found.owner):
            raise KeyInProgress
        return wanted
