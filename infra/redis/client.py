"""A client of Redis for asyncio: time-outs, and one kind of outage for all stores on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from projections.projection import StoreUnavailable

TIMEOUT_S: Final = 5.0
OUTAGES: Final = (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    OSError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,
    TryAgainError,
)
# Of these the client makes no classes of their own: it cannot write its file, another script has
# run for too long, too few replicas are there.
_OUTAGE_CODES: Final = ("MISCONF", "BUSY", "NOREPLICAS")


def client(url: str) -> "Redis":
    """A pool of connections, opened as they are needed; `aclose` it. A connection that Redis has
    closed in the meantime is opened anew once, so what is sent must bear being run again."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
    )


@contextmanager
def outages_told() -> Iterator[None]:
    """Raise StoreUnavailable for whatever may work later; bugs stay what they are."""
    try:
        yield
    except OUTAGES as error:
        raise StoreUnavailable(f"Redis: {error}") from error
    except ResponseError as error:
        if str(error).startswith(_OUTAGE_CODES):
            raise StoreUnavailable(f"Redis: {error}") from error
        raise
