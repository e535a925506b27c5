"""Locks that a process holds by a connection of its own: its death ends them, at once where it is
the process that dies, and within seconds where it is its machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import psycopg

from infra.postgresql.database import connection_settings, told_as_outages

UNLOCK_S: Final = 10.0
# A server that does not hear of a machine's death would wait for it for hours.
_KEEPALIVE: Final = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 2,
}
_TRY: Final = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_WAIT: Final = "SELECT true FROM (SELECT pg_advisory_lock(hashtextextended(%s, 0))) AS waited"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"


@asynccontextmanager
async def held(url: str, name: str, *, wait: bool = False) -> AsyncIterator[bool]:
    """Whether the lock of this name is held while the context lasts; False where another has it, or
    wait for that one. Raises StoreUnavailable."""
    with told_as_outages():
        connection = await psycopg.AsyncConnection.connect(url, **_settings())
    try:
        with told_as_outages():
            cursor = await connection.execute(_WAIT if wait else _TRY, (name,))
            row = await cursor.fetchone()
        is_held = row is not None and bool(row[0])
        try:
            yield is_held
        finally:
            # A busy server may hear of a connection's end only after it let the next one ask.
            if is_held:
                with suppress(psycopg.Error, TimeoutError):
                    async with asyncio.timeout(UNLOCK_S):
                        await connection.execute(_UNLOCK, (name,))
    finally:
        await connection.close()


def _settings() -> dict[str, Any]:
    settings = connection_settings()
    more = " ".join(f"-c {name}={value}" for name, value in _KEEPALIVE.items())
    return {**settings, "options": f"{settings['options']} {more}"}
