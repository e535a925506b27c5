"""A client of Redis for asyncio: time-outs, and one kind of outage for all stores on it."""

from typing import Any, Final, cast

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.connection import DefaultParser
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
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
from redis.utils import DEFAULT_RESP_VERSION

from infra.breaker import Breaker, Passing
from infra.redis.shared_connection import Argument, SharedConnection
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
    """What knows whether Redis answers; a connection for all single commands, so none of them may
    be one that waits for something to happen, and the pool of connections for pipelines."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.breaker = Breaker("Redis")
        self._shared = _shared(self.connection_pool)

    async def execute_command(self, *command: Any, **options: Any) -> Any:
        """What Redis answers, as the client's own method tells it. Where the connection breaks it
        is sent once more."""
        if self._shared is None or NEVER_DECODE in options:
            return await super().execute_command(*command, **options)  # type: ignore[no-untyped-call]
        name = command[0]
        words = (*name.split(), *command[1:]) if " " in name else command
        answer = await self.ask(*words)
        told = self.response_callbacks.get(name)
        options.pop("keys", None)
        return answer if told is None else told(answer, **options)

    @property
    def shared(self) -> SharedConnection | None:
        """The connection for all single commands, unless they take one of the pool each."""
        return self._shared

    async def ask(self, *command: Argument, tracked: bool = False) -> Any:
        """What Redis answers, as it says it; it tells of changes of the keys that a `tracked`
        command reads (`near_values`). Where the connection breaks it is sent once more."""
        shared = self._shared
        if shared is None:
            return await super().execute_command(*command)  # type: ignore[no-untyped-call]
        try:
            return await shared.ask(command, tracked=tracked)
        except ConnectionError:
            return await shared.ask(command, tracked=tracked)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Let the connections go."""
        if self._shared is not None:
            await self._shared.close()
        await super().aclose(close_connection_pool)


def _shared(pool: ConnectionPool) -> SharedConnection | None:
    """To where the pool's connections lead, unless they are of another kind than plain TCP."""
    to = pool.connection_kwargs
    if pool.connection_class is not Connection:
        return None
    greeting: list[tuple[Any, ...]] = [("HELLO", DEFAULT_RESP_VERSION)]
    if to.get("password"):
        greeting = [(*greeting[0], "AUTH", to.get("username") or "default", to["password"])]
    if to.get("db"):
        greeting.append(("SELECT", to["db"]))
    greeting.append(("CLIENT", "TRACKING", "ON", "OPTIN"))
    return SharedConnection(
        to.get("host", "localhost"),
        to.get("port", 6379),
        greeting=greeting,
        error_of=DefaultParser.parse_error,
        limit_s=TIMEOUT_S,
    )


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


def outages_told(redis: RedisClient, breaker: Breaker | None = None) -> Passing:
    """Raise StoreUnavailable for whatever may work later, at once where Redis did not answer a
    moment ago; bugs stay what they are. Not to be nested. With a `breaker` of one's own nobody
    else waits or is refused for it."""
    return (breaker or redis.breaker).passing(_outage)


def _outage(error: BaseException) -> StoreUnavailable | None:
    """What to raise instead, if it is one."""
    if isinstance(error, OUTAGES):
        # A time-out has no words of its own.
        return StoreUnavailable(f"Redis: {str(error) or repr(error)}")
    if isinstance(error, ResponseError) and str(error).startswith(_OUTAGE_CODES):
        return StoreUnavailable(f"Redis: {error}")
    return None
