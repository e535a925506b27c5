"""Idempotency-Keys of the cluster: one effect and one answer, whichever process the retry meets."""

from collections.abc import Callable
from contextlib import suppress

from commands.ports import Answer, Answered, Claimed, Receipt, VersionConflict
from domain.errors import KeyInProgress, KeyReused
from domain.positions import Vector
from infra.cassandra.event_log import ClusterEventLog, unavailable
from infra.cassandra.receipts import Row
from projections.projection import StoreUnavailable


class CassandraIdempotency:
    """Implements `commands.ports.IdempotencyStore`.

    A retry that finds events whose acknowledgement is not known records the same ones again, which
    changes nothing if they were, and gives the same answer.
    """

    def __init__(self, log: ClusterEventLog, *, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._receipts = log.receipts
        self._now_ms = now_ms
        self._running: dict[tuple[str, str], bytes] = {}

    async def claim(self, scope: str, key: str, fingerprint: bytes) -> Claimed | Answered:
        """See `IdempotencyStore.claim`. Raises Unavailable too."""
        running = self._running.get((scope, key))
        if running is not None:
            raise KeyInProgress if running == fingerprint else KeyReused
        self._running[scope, key] = fingerprint
        claimed: Claimed | Answered | None = None
        try:
            async with unavailable():
                claimed = await self._claim(Claimed(scope, key, fingerprint))
        finally:
            if not isinstance(claimed, Claimed):
                del self._running[scope, key]
        return claimed

    async def complete(self, claimed: Claimed, answer: Answer) -> None:
        """See `IdempotencyStore.complete`."""
        async with unavailable():
            await self._receipts.complete(Receipt(*claimed, answer))

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
            vector = await self._effect(wanted, found)
        except VersionConflict:
            # Its command lost to another one and died before it could say so.
            return await self._take_over(wanted, found)
        return Answered(await self._receipts.answer(wanted.scope, found.answer), vector)

    async def _take_over(self, wanted: Claimed, found: Row) -> Claimed:
        if not await self._receipts.take_over(*wanted, owner=found.owner):
            raise KeyInProgress
        return wanted

    async def _effect(self, wanted: Claimed, found: Row) -> Vector:
        """The vector that covers what the key did; done again where that is not known."""
        if found.entry is None:
            return {}
        vector = await self._receipts.done_at(wanted.scope, wanted.key, found.owner)
        if vector is None:
            vector = await self._log.redo(found.entry)
            with suppress(StoreUnavailable):
                await self._receipts.done(wanted.scope, wanted.key, found.owner, vector)
        return vector
