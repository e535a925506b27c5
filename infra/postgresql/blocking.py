"""PostgreSQL for what cannot wait in an event loop: a key that is not in memory, a worker number.

Such calls are rare and short, and each is over, one way or the other, within `LIMIT_S`.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from domain.errors import Unavailable
from infra.postgresql.database import Row, connection_settings

LIMIT_S: Final = 2.0
# After an outage nobody is kept waiting for the next one for so long.
PAUSE_S: Final = 1.0


class BlockingDatabase:
    """One connection, made when it is needed. Thread-safe. Raises Unavailable for any failure."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Row] | None = None
        self._not_before = 0.0

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows that one statement gives. It is durable when this returns."""
        with self._connected() as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Let the connection go; for good."""
        with self._lock:
            self._drop()
            self._not_before = float("inf")

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Row]]:
        with self._lock:
            try:
                connection = self._connection or self._connect()
                with _cut_after(LIMIT_S, connection):
                    yield connection
            except psycopg.Error as error:
                if self._connection is None or self._connection.broken:
                    self._drop()
                    self._not_before = time.monotonic() + PAUSE_S
                raise Unavailable(f"PostgreSQL cannot be reached: {error}") from error

    def _connect(self) -> psycopg.Connection[Row]:
        if time.monotonic() < self._not_before:
            raise Unavailable("PostgreSQL could not be reached a moment ago")
        settings = connection_settings() | {"connect_timeout": round(LIMIT_S)}
        self._connection = psycopg.connect(self._url, **settings)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _cut_after(limit_s: float, connection: psycopg.Connection[Row]) -> Iterator[None]:
    """Shut the connection's socket if this takes longer: a server that hangs gives no time-out."""
    line = socket.socket(fileno=_duplicate(connection))
    timer = threading.Timer(limit_s, line.shutdown, (socket.SHUT_RDWR,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.close()


def _duplicate(connection: psycopg.Connection[Row]) -> int:
    """Its socket under a number of our own, which is good even if the driver closes its own."""
    return socket.dup(connection.fileno())
