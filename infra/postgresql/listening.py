"""Hearing of changes that others make, by a connection of its own; who changes something tells it
(`NOTIFY`) as it commits."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg

from infra.postgresql.database import connection_settings, told_as_outages

# Returns once something was told since the last call, or so many seconds have passed.
Heard = Callable[[float], Awaitable[None]]


@asynccontextmanager
async def listening(url: str, channel: str) -> AsyncIterator[Heard]:
    """Nothing that is told there from now on is missed as long as the context lasts. It, and what
    it gives, raise StoreUnavailable."""
    with told_as_outages():
        connection = await psycopg.AsyncConnection.connect(url, **connection_settings())

    async def heard(within_s: float) -> None:
        with told_as_outages():
            async for _ in connection.notifies(timeout=within_s, stop_after=1):
                pass

    try:
        with told_as_outages():
            await connection.execute(f'LISTEN "{channel}"')
        yield heard
    finally:
        await connection.close()
