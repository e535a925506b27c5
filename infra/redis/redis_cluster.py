"""A Redis Cluster: which of its servers has a slot of keys, also while slots move.

Whoever asks is given a client of that server, the same as of a server alone, with one connection
for all. Servers say when they do not have a slot (MOVED), and then all are looked up anew. While a
slot is being moved its keys are on two servers, so what needs several of them is refused (ASK,
TRYAGAIN): it is never followed halfway, but asked again until the slot has come to rest.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, TryAgainError

from infra.breaker import Breaker
from infra.redis.addresses import CLUSTER_URL, SCHEME
from infra.redis.client import RedisClient, client, outages_told
from projections.projection import StoreUnavailable

# For so long a call waits for a slot that moves.
PATIENCE_S: Final = 5.0
LOOK_AGAIN_S: Final = 0.05


T = TypeVar("T")


class Stretch(NamedTuple):
    """Slots up to `last`, from after those of the one before it, and where they are."""

    last: int
    address: str | None


class _SlotMoves(Exception):
    pass


class RedisCluster:
    """Servers are found when they are needed, from those of the address on; `aclose` it.
    `breaker` tells of all of them, and each has one of its own."""

    def __init__(self, url: str) -> None:
        """`url`: redis+cluster://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...]. Raises ValueError."""
        parts = CLUSTER_URL.fullmatch(url)
        if parts is None:
            raise ValueError(f"A Redis Cluster is {SCHEME}HOST:PORT,HOST:PORT")
        self.breaker = Breaker("Redis Cluster")
        self._login = parts["login"] or ""
        self._clients: dict[str, RedisClient] = {}
        self._stretches: Sequence[Stretch] = ()
        self._looking: asyncio.Task[None] | None = None
        for address in parts["servers"].split(","):
            self._client(address)

    async def at(self, slot: int, ask: Callable[[RedisClient], Awaitable[T]]) -> T:
        """What `ask` gets from the server that has the slot; it may be called several times.
        Raises StoreUnavailable, also where the slot moves for longer than PATIENCE_S."""
        try:
            with self.breaker.passing():
                return await self._follow(slot, ask)
        except _SlotMoves as error:
            raise StoreUnavailable(f"Redis Cluster: {error}") from error

    async def owners(self) -> Mapping[str, Sequence[range]]:
        """Where there are slots, and which. Raises StoreUnavailable."""
        await self._look()
        found: dict[str, list[range]] = {}
        first = 0
        for last, address in self._stretches:
            if address is not None:
                found.setdefault(address, []).append(range(first, last + 1))
            first = last + 1
        return found

    async def servers(self) -> Sequence[RedisClient]:
        """Those that have slots. Raises StoreUnavailable."""
        return [self._client(address) for address in await self.owners()]

    async def aclose(self) -> None:
        """Let all connections go."""
        if self._looking is not None:
            self._looking.cancel()
        for one in self._clients.values():
            await one.aclose()

    def _client(self, address: str) -> RedisClient:
        if address not in self._clients:
            self._clients[address] = client(f"redis://{self._login}{address}/0")
        return self._clients[address]

    async def _follow(self, slot: int, ask: Callable[[RedisClient], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        while True:
            address = self._owner(slot) or await self._looked_up(slot)
            server = self._clients[address]
            try:
                with outages_told(server):
                    try:
                        return await ask(server)
                    except (AskError, TryAgainError) as error:  # MOVED is a kind of ASK
                        is_moving = not isinstance(error, MovedError)
            except StoreUnavailable:
                # Another server may have taken its place.
                if loop.time() > until or await self._looked_up(slot) == address:
                    raise
                continue
            if loop.time() > until:
                raise _SlotMoves(f"slot {slot} moves")
            if await self._looked_up(slot) == address or is_moving:
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _looked_up(self, slot: int) -> str:
        await self._look()
        address = self._owner(slot)
        if address is None:
            raise StoreUnavailable(f"Redis Cluster: no server has slot {slot}")
        return address

    def _owner(self, slot: int) -> str | None:
        place = bisect_left(self._stretches, slot, key=lambda stretch: stretch.last)
        return self._stretches[place].address if place < len(self._stretches) else None

    async def _look(self) -> None:
        """Look up where slots are; of several that ask at once the first one does."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up())
            self._looking.add_done_callback(self._end_looking)
        await asyncio.shield(self._looking)

    def _end_looking(self, ended: "asyncio.Task[None]") -> None:
        self._looking = None
        if not ended.cancelled():
            ended.exception()  # told to those who wait

    async def _look_up(self) -> None:
        """As the first server knows that answers."""
        why: StoreUnavailable | None = None
        # Those that answered last come first.
        for address, server in sorted(self._clients.items(), key=_troubles):
            try:
                with outages_told(server):
                    told = await server.execute_command("CLUSTER", "SLOTS")
            except StoreUnavailable as error:
                why = error
                continue
            if not told:  # it has left the cluster
                continue
            self._stretches = _stretches(told, address)
            for stretch in self._stretches:
                if stretch.address is not None:
                    self._client(stretch.address)
            return
        raise why or StoreUnavailable("Redis Cluster: no server is known")


AnyRedis = RedisClient | RedisCluster


async def asked(redis: AnyRedis, key: bytes | str, ask: Callable[[RedisClient], Awaitable[T]]) -> T:
    """What `ask` gets from the server that has the key. Raises StoreUnavailable."""
    if isinstance(redis, RedisCluster):
        return await redis.at(slot_of(key), ask)
    with outages_told(redis):
        return await ask(redis)


def slot_of(key: bytes | str) -> int:
    """Where a cluster keeps the key: keys with the same text in braces are together."""
    return key_slot(key.encode() if isinstance(key, str) else key)


def connect(url: str) -> AnyRedis:
    """A client of the server or the cluster of an address, which connects when it is asked first.
    Raises ValueError."""
    return RedisCluster(url) if url.startswith(SCHEME) else client(url)


def _troubles(known: tuple[str, RedisClient]) -> bool:
    return known[1].breaker.state != "closed"


def _stretches(told: Sequence[Any], by: str) -> Sequence[Stretch]:
    """From the answer to CLUSTER SLOTS: of each first, last, [host, port ...] and its replicas'."""
    stretches: list[Stretch] = []
    covered = 0
    for first, last, master, *_ in sorted(told, key=lambda slots: int(slots[0])):
        if first > covered:
            stretches.append(Stretch(first - 1, None))
        stretches.append(Stretch(last, _address(master, by)))
        covered = last + 1
    return stretches


def _address(master: Sequence[Any], by: str) -> str:
    """A server that does not know its own name is where it was asked."""
    host = master[0].decode() if isinstance(master[0], bytes) else master[0]
    if not host or host == "?":
        host = by.rpartition(":")[0]
    elif ":" in host:
        host = f"[{host}]"
    return f"{host}:{master[1]}"
