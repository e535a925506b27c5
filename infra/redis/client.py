"""A client of Redis for asyncio: time-outs, and one kind of outage for all stores on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

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

from infra.breaker import Breaker
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


class RedisClient(Redis):
    """The pool of connections, and what knows whether Redis answers."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.breaker = Breaker("Redis")


def client(url: str) -> RedisClient:
    """A pool of connections, opened as they are needed; `aclose` it. A connection that Redis has
    closed in the meantime is opened anew once, so what is sent must bear being run again."""
    made = RedisClient.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
    )
    return cast("RedisClient", made)


@contextmanager
def outages_told(redis: RedisClient) -> Iterator[None]:
    """Raise StoreUnavailable for whatever may work later, at once where Redis did not answer a
    moment ago; bugs stay what they are. Not to be nested."""
    with redis.breaker.passing(), _told():
        yield


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OUTAGES as error:
        raise StoreUnavailable(f"Redis: {error}") from error
    except ResponseError as error:
        if str(error).startswith(_OUTAGE_CODES):
            raise StoreUnavailable(f"Redis: {error}") from error
        raise
