"""Leases of worker numbers in PostgreSQL, for all processes of an installation."""

import secrets
from typing import Final

from domain.errors import Unavailable
from infra.postgresql.blocking import BlockingDatabase
from infra.postgresql.database import checked
from infra.postgresql.migrations import SHARED
from infra.stamps import Lease

# Extending one blocks its process for a moment, and a process that died keeps its number so long.
LEASE_MS: Final = 300_000
HOLDER_BYTES: Final = 12

_ACQUIRE: Final = """UPDATE {ns}.leases SET until_ms = %s, holder = %s WHERE worker = (
    SELECT worker FROM {ns}.leases WHERE until_ms <= %s
    ORDER BY until_ms, worker LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING worker"""
_EXTEND: Final = """UPDATE {ns}.leases SET until_ms = greatest(until_ms, %s)
WHERE worker = %s AND holder = %s RETURNING until_ms"""


class PostgresqlLeases:
    """Implements `infra.stamps.WorkerLeases`; every grant is durable before it is used.

    A grant has a holder's name of its own, so one whose answer was lost can be asked for again,
    and a number that was granted anew is never extended by who had it before.
    """

    def __init__(self, url: str, namespace: str = SHARED) -> None:
        self._database = BlockingDatabase(url)
        self._acquire = _ACQUIRE.replace("{ns}", checked(namespace))
        self._extend = _EXTEND.replace("{ns}", namespace)
        self._holders: dict[Lease, str] = {}
        self.close = self._database.close

    def acquire(self, now_ms: int) -> Lease:
        """See `WorkerLeases.acquire`."""
        holder = secrets.token_hex(HOLDER_BYTES)
        until_ms = now_ms + LEASE_MS
        rows = self._database.rows(self._acquire, (until_ms, holder, now_ms))
        if not rows:
            raise Unavailable("Every worker number is leased")
        lease = Lease(rows[0][0], until_ms)
        self._holders[lease] = holder
        return lease

    def extend(self, lease: Lease, now_ms: int) -> Lease:
        """See `WorkerLeases.extend`: only for who still holds it."""
        holder = self._holders.get(lease, "")
        rows = self._database.rows(self._extend, (now_ms + LEASE_MS, lease.worker, holder))
        if not rows:
            raise Unavailable(f"Worker number {lease.worker} was leased to another process")
        extended = Lease(lease.worker, rows[0][0])
        self._holders[extended] = self._holders.pop(lease)
        return extended
