"""Where a store of home timelines is: in one cell, or in one on each master of a Redis Cluster.

A cell has all that the pages of its readers need: their homes and ties, and the posts of everybody.
So a page asks one server once, a batch goes to each cell once, and a cell by itself is what the
store is on a server alone (docs/decisions/0010). All keys of a cell are in one slot.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Final, TypeVar

from domain.ids import AccountId
from infra.redis.client import RedisClient, outages_told
from infra.redis.home_keys import part_of
from infra.redis.home_scripts import HOME_SCRIPTS
from infra.redis.redis_cluster import AnyRedis, RedisCluster, asked, slot_of
from infra.redis.scripts import Scripts

_KEYS_PER_SCAN: Final = 5_000

T = TypeVar("T")


class Cells:
    """Of one namespace. How many there are is decided by who first asks a cluster about it, and
    kept there: later masters get none, until another generation is made. `only`: the cell of a
    server alone."""

    def __init__(self, redis: AnyRedis, namespace: str) -> None:
        self._redis = redis
        self._namespace = namespace
        self._cells: Sequence[Scripts] = ()
        self.only: Scripts | None = None
        if not isinstance(redis, RedisCluster):
            self.only = Scripts(redis, namespace, HOME_SCRIPTS)
            self._cells = [self.only]

    async def all(self) -> Sequence[Scripts]:
        """Each cell, always in the same order. Raises StoreUnavailable."""
        if not self._cells and isinstance(self._redis, RedisCluster):
            numbers = await self._numbers(self._redis)
            self._cells = [self._cell(self._tag(number)) for number in numbers]
        return self._cells

    async def of(self, account_id: AccountId) -> Scripts:
        """The cell of a reader. Raises StoreUnavailable."""
        cells = self._cells or await self.all()
        return cells[part_of(account_id, len(cells))]

    async def drop(self) -> None:
        """Remove every key of the namespace. Raises StoreUnavailable."""
        redis = self._redis
        if isinstance(redis, RedisCluster):
            servers, pattern = await redis.servers(), f"{{{self._namespace}:*"
            self._cells = ()
        else:
            servers, pattern = [redis], f"{self._namespace}:*"
        for server in servers:
            cursor = None
            while cursor != 0:
                with outages_told(server):
                    cursor, keys = await server.scan(
                        cursor or 0, match=pattern, count=_KEYS_PER_SCAN
                    )
                await self._unlink(keys)

    async def _unlink(self, keys: Sequence[bytes | str]) -> None:
        """A command is for one slot."""
        together: dict[int, list[bytes | str]] = defaultdict(list)
        for key in keys:
            together[slot_of(key) if isinstance(self._redis, RedisCluster) else 0].append(key)
        for some in together.values():
            await asked(self._redis, some[0], partial(_unlink, some))

    async def _numbers(self, cluster: RedisCluster) -> Sequence[int]:
        """What makes the cells' tags: decided once."""
        record = f"{{{self._namespace}:cells}}"
        decided = await asked(cluster, record, lambda at: at.get(record))
        if decided is None:
            numbers = " ".join(map(str, await self._one_on_each_master(cluster)))
            await asked(cluster, record, lambda at: at.set(record, numbers, nx=True))
            decided = await asked(cluster, record, lambda at: at.get(record))
        return [int(number) for number in (decided or b"").split()]

    async def _one_on_each_master(self, cluster: RedisCluster) -> Sequence[int]:
        owners = await cluster.owners()
        return [
            next(
                number
                for number in count()
                if any(slot_of(self._tag(number)) in slots for slots in owners[address])
            )
            for address in sorted(owners)
        ]

    def _tag(self, number: int) -> str:
        return f"{{{self._namespace}:{number}}}"

    def _cell(self, tag: str) -> Scripts:
        # No key is ever called so. Redis refuses a script that names keys which are not there while
        # it moves their slot: of those that the script finds itself some may be elsewhere already.
        return Scripts(self._redis, tag, HOME_SCRIPTS, f"{tag}:whole")


async def _unlink(keys: Sequence[bytes | str], server: RedisClient) -> None:
    await server.unlink(*keys)


async def each(doings: Iterable[Awaitable[T]]) -> list[T]:
    """What each gives. Where one fails the others come to their end before it is raised."""
    ended = await asyncio.gather(*doings, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return [one for one in ended if not isinstance(one, BaseException)]
