"""Leases of worker numbers in a SQLite file."""

import sqlite3
from pathlib import Path
from typing import Final

from domain.errors import Unavailable
from domain.ids import LEASED_WORKER_MAX
from infra.sqlite.connections import connect, transaction
from infra.stamps import Lease

LEASE_MS: Final = 60_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS leases (
    worker INTEGER PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID
"""
_COUNT: Final = "SELECT COUNT(*) FROM leases"
_FREE: Final = "SELECT worker FROM leases WHERE until_ms <= ? ORDER BY until_ms, worker LIMIT 1"


class SqliteLeases:
    """Implements `infra.stamps.WorkerLeases`; every grant is synced before it is used."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, synchronous="FULL")
        self._connection.execute(_SCHEMA)
        if self._connection.execute(_COUNT).fetchone() != (LEASED_WORKER_MAX + 1,):
            workers = ((worker,) for worker in range(LEASED_WORKER_MAX + 1))
            with transaction(self._connection) as connection:
                connection.executemany("INSERT OR IGNORE INTO leases VALUES (?, 0)", workers)
        self.close = self._connection.close

    def acquire(self, now_ms: int) -> Lease:
        """See `WorkerLeases.acquire`."""
        with transaction(self._connection) as connection:
            row = connection.execute(_FREE, (now_ms,)).fetchone()
            if row is None:
                raise Unavailable("Every worker number is leased")
            return self._grant(row[0], now_ms)

    def extend(self, lease: Lease, now_ms: int) -> Lease:
        """See `WorkerLeases.extend`: only for who still holds it."""
        with transaction(self._connection) as connection:
            held = connection.execute(
                "SELECT until_ms FROM leases WHERE worker = ?", (lease.worker,)
            ).fetchone()
            if held != (lease.until_ms,):
                raise Unavailable(f"Worker number {lease.worker} was leased to another process")
            return self._grant(lease.worker, now_ms)

    def _grant(self, worker: int, now_ms: int) -> Lease:
        until_ms = now_ms + LEASE_MS
        try:
            self._connection.execute(
                "UPDATE leases SET until_ms = ? WHERE worker = ?", (until_ms, worker)
            )
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The lease cannot be written: {error}") from error
        return Lease(worker, until_ms)
