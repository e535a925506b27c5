"""A cache in Redis before the stores of views, exact: a read that begins when something has been
applied gives it (docs/decisions/0009-cache-of-views.md).

An entry is a value, a lease or bars. A value counts while it carries the stamp of its namespace:
the life of Redis and the namespace's epoch. Who finds nothing is given a lease, reads the store and
puts the value in where the lease still stands; whoever finds somebody's lease or a bar reads the
store and leaves it. Leases are those of R. Nishtala and others, "Scaling Memcache at Facebook"
(NSDI 2013); bars are what a writer sets over them (`view_cache_bars`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Generic, TypeVar

from infra.breaker import Breaker
from infra.redis.client import RedisClient
from infra.redis.view_cache_bars import Bars
from infra.redis.view_cache_counts import CacheCounts, Kind
from infra.redis.view_cache_scripts import CacheScripts
from infra.redis.view_cache_turns import LEASE_MS, NOTHING, Turns, Value

IdT = TypeVar("IdT", bound=int)
ValueT = TypeVar("ValueT")


class NotTheStores(Exception):
    """What is cached is not what the store says."""


class ViewCaches:
    """Those of one process in one Redis. `close` them before the client."""

    def __init__(self, redis: RedisClient, scripts: CacheScripts | None = None) -> None:
        self._scripts = scripts or CacheScripts(redis)
        self._turns = Turns(self._scripts)
        self.counts = CacheCounts()
        self.settle = self._turns.settle
        self.close = self._turns.close

    @property
    def breakers(self) -> Sequence[Breaker]:
        """All ways to Redis."""
        return self._turns.breakers

    def of(
        self, namespace: str, *, counted_as: str | None = None, proving: bool = False
    ) -> "ViewCache":
        """That of one store; every other of its namespace is the same cache."""
        name = namespace if counted_as is None else counted_as
        return ViewCache(
            self._scripts, self._turns, namespace, self.counts, name=name, proving=proving
        )


class ViewCache:
    """One namespace. One that is `proving` keeps nothing, asks the store as well, and raises
    NotTheStores where they differ: either is wrong, or both change at this moment."""

    def __init__(
        self,
        scripts: CacheScripts,
        turns: Turns,
        namespace: str,
        counts: CacheCounts,
        *,
        name: str,
        proving: bool = False,
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.turns = turns
        self.counts = counts
        self.bars = Bars(scripts, turns, namespace)
        self.proving = proving

    def shelf(
        self, space: str, packed: Callable[[ValueT], bytes], unpacked: Callable[[bytes], ValueT]
    ) -> "Shelf[ValueT]":
        """Values of one kind. What is packed is never empty: that says that there is nothing."""
        return Shelf(self, space, packed, unpacked)


class Shelf(Generic[ValueT]):
    """Values of one kind, by id; or by the ids of an owner and of something, where an owner is
    given."""

    def __init__(
        self,
        cache: ViewCache,
        space: str,
        packed: Callable[[ValueT], bytes],
        unpacked: Callable[[bytes], ValueT],
    ) -> None:
        self._cache = cache
        self._prefix = f"{cache.namespace}:{space}:"
        self._kind = Kind(cache.name, space)
        self._packed = packed
        self._unpacked = unpacked

    def key(self, id_: int, owner: int | None = None) -> str:
        """The key of an entry, to be barred."""
        return f"{self._prefix}{id_}" if owner is None else f"{self._prefix}{owner}:{id_}"

    async def read(
        self,
        ids: Sequence[IdT],
        load: Callable[[Sequence[IdT]], Awaitable[Mapping[IdT, ValueT]]],
        *,
        owner: int | None = None,
    ) -> dict[IdT, ValueT]:
        """The values of those of the ids that have one: what is cached, and what `load` finds of
        the others. Raises what that raises."""
        cache = self._cache
        keys = {self.key(one, owner): one for one in ids}
        if not keys:
            return {}
        lease_ms = 0 if cache.proving else LEASE_MS
        seen = await cache.turns.look(cache.namespace, keys, lease_ms=lease_ms)
        entries = ((one, seen.entries.get(key)) for key, one in keys.items())
        held = {one: entry for one, entry in entries if isinstance(entry, bytes)}
        found = {one: self._unpacked(entry) for one, entry in held.items() if entry}
        if cache.proving:
            return await self._proven(list(keys.values()), held.keys(), found, load)
        missing = [one for one in keys.values() if one not in held]
        leased = [(key, one) for key, one in keys.items() if seen.entries.get(key) is True]
        cache.counts.note(
            self._kind,
            hits=len(held),
            misses=len(leased),
            others=len(missing) - len(leased),
            bypassed=seen is NOTHING,
        )
        if missing:
            loaded = await load(missing)
            if leased:
                stamp = seen.stamps[cache.namespace]
                cache.turns.fill(
                    Value(cache.namespace, key, stamp, seen.token, self._value(loaded, one))
                    for key, one in leased
                )
            found.update(loaded)
        return found

    def _value(self, loaded: Mapping[IdT, ValueT], one: IdT) -> bytes:
        return self._packed(loaded[one]) if one in loaded else b""

    async def _proven(
        self,
        ids: Sequence[IdT],
        held: Set[IdT],
        found: Mapping[IdT, ValueT],
        load: Callable[[Sequence[IdT]], Awaitable[Mapping[IdT, ValueT]]],
    ) -> dict[IdT, ValueT]:
        """What the store says, which is what is held."""
        loaded = dict(await load(ids))
        for one in held:
            if found.get(one) != loaded.get(one):
                raise NotTheStores(f"{self._prefix}*{one}")
        return loaded
