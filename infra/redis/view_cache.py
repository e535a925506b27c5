"""A cache in Redis before the stores of views, exact: a read that begins when something has been
applied gives it (docs/decisions/0009-cache-of-views.md).

An entry is a value, a lease or bars. A value counts while it carries the stamp of its namespace:
the life of Redis and the namespace's epoch. Who finds nothing is given a lease, reads the store and
puts the value in where the lease still stands; whoever finds somebody's lease or a bar reads the
store and leaves it. Leases are those of R. Nishtala and others, "Scaling Memcache at Facebook"
(NSDI 2013); bars are what a writer sets over them (`view_cache_bars`).
"""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence, Set
from typing import Any, Final, Generic, TypeVar

from infra.breaker import Breaker
from infra.derived import Derived
from infra.known import Known
from infra.redis.client import RedisClient
from infra.redis.near_values import Near, NearShelf
from infra.redis.view_cache_bars import Bars
from infra.redis.view_cache_counts import CacheCounts, Kind
from infra.redis.view_cache_scripts import CacheScripts
from infra.redis.view_cache_turns import LEASE_MS, NOTHING, Seen, Turns, Value

NEAR_MAX: Final = 50_000

IdT = TypeVar("IdT", bound=int)
ValueT = TypeVar("ValueT")


class NotTheStores(Exception):
    """What is cached is not what the store says."""


class ViewCaches:
    """Those of one process in one Redis. `close` them before the client."""

    def __init__(self, redis: RedisClient, scripts: CacheScripts | None = None) -> None:
        self._scripts = scripts or CacheScripts(redis)
        connection = self._scripts.connection
        self._near = None if connection is None else Near(connection, self._scripts.life)
        self._turns = Turns(self._scripts, self._near)
        self.counts = CacheCounts()
        self.settle = self._turns.settle
        self.close = self._turns.close

    @property
    def breakers(self) -> Sequence[Breaker]:
        """All ways to Redis."""
        return self._turns.breakers

    def begin(self) -> None:
        """What the calling task reads from here on may be as of any moment after this one."""
        if self._near is not None:
            self._near.begin()

    def is_current(self) -> bool:
        """Whether what is kept near may answer the calling task."""
        return self._near is not None and self._near.is_current()

    def of(
        self,
        namespace: str,
        *,
        counted_as: str | None = None,
        proving: bool = False,
        near: bool = False,
    ) -> "ViewCache":
        """That of one store; every other of its namespace is the same cache. With `near` what is
        read of it is kept in this process as well, for as long as that is right."""
        name = namespace if counted_as is None else counted_as
        return ViewCache(
            self._scripts,
            self._turns,
            namespace,
            self.counts,
            name=name,
            proving=proving,
            near=self._near if near else None,
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
        near: Near | None = None,
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.turns = turns
        self.counts = counts
        self.bars = Bars(scripts, turns, namespace)
        self.proving = proving
        self.near = near

    def shelf(
        self,
        space: str,
        packed: Callable[[ValueT], bytes],
        unpacked: Callable[[bytes], ValueT],
        *,
        near_max: int = NEAR_MAX,
    ) -> "Shelf[ValueT]":
        """Values of one kind, of which so many may be near. What is packed is never empty: that
        says that there is nothing."""
        return Shelf(self, space, packed, unpacked, near_max=near_max)


class Shelf(Generic[ValueT]):
    """Values of one kind, by id; or by the ids of an owner and of something, where an owner is
    given."""

    def __init__(
        self,
        cache: ViewCache,
        space: str,
        packed: Callable[[ValueT], bytes],
        unpacked: Callable[[bytes], ValueT],
        *,
        near_max: int,
    ) -> None:
        self._cache = cache
        self._prefix = f"{cache.namespace}:{space}:"
        self._counts = cache.counts.of(Kind(cache.name, space))
        self._packed = packed
        self._unpacked = unpacked
        self._near: NearShelf[ValueT] | None = (
            None if cache.near is None else cache.near.shelf(self._prefix, near_max)
        )

    def key(self, id_: int, owner: int | None = None) -> str:
        """The key of an entry, to be barred."""
        return f"{self._prefix}{id_}" if owner is None else f"{self._prefix}{owner}:{id_}"

    def get(self, ids: Collection[IdT], owner: int | None = None) -> Mapping[IdT, ValueT] | None:
        """The values of those of the ids that have one, as `read`, if nobody has to be asked; not
        counted."""
        cache, kept = self._cache, self._near
        if kept is None or cache.near is None or not cache.near.is_current():
            return None
        return kept.all_of(ids, owner)

    def tell(self, derived: Derived) -> None:
        """See `infra.derived.Kept.tell`: where nothing is kept near, nothing is derived of it."""
        if self._near is not None:
            self._near.tell(derived)

    def read(
        self,
        ids: Collection[IdT],
        load: Callable[[Sequence[IdT]], Awaitable[Mapping[IdT, ValueT]]],
        *,
        owner: int | None = None,
    ) -> Coroutine[Any, Any, Mapping[IdT, ValueT]]:
        """The values of those of the ids that have one: what is cached, and what `load` finds of
        the others. Raises what that raises."""
        found = self.get(ids, owner)
        if found is None:
            return self._read(ids, load, owner)
        self._counts.near += len(ids)
        return Known(found)

    async def _read(
        self,
        ids: Collection[IdT],
        load: Callable[[Sequence[IdT]], Awaitable[Mapping[IdT, ValueT]]],
        owner: int | None,
    ) -> dict[IdT, ValueT]:
        cache = self._cache
        keys = {self.key(one, owner): one for one in ids}
        if not keys:
            return {}
        lease_ms = 0 if cache.proving else LEASE_MS
        asked = self._not_near(keys, owner)
        seen = await cache.turns.look(cache.namespace, asked, lease_ms=lease_ms)
        found, held = self._found(seen, keys, owner)
        if cache.proving:
            return await self._proven(list(keys.values()), held, found, load)
        missing = [one for one in keys.values() if one not in held]
        leased = [(key, one) for key, one in asked.items() if seen.entries.get(key) is True]
        hits = sum(one in held for one in asked.values())
        self._counts.note(
            near=len(held) - hits,
            hits=hits,
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

    def _not_near(self, keys: Mapping[str, IdT], owner: int | None) -> Mapping[str, IdT]:
        """What Redis is to be asked for."""
        near = self._near
        if near is None:
            return keys
        return {key: one for key, one in keys.items() if not near.has(one, owner)}

    def _found(
        self, seen: Seen, keys: Mapping[str, IdT], owner: int | None
    ) -> tuple[dict[IdT, ValueT], Set[IdT]]:
        """The values that are there, and all of which it is known whether they are there."""
        near, found, held = self._near, dict[IdT, ValueT](), set[IdT]()
        if seen is NOTHING:
            return found, held
        for key, one in keys.items():
            entry = seen.entries.get(key)
            if isinstance(entry, bytes):
                value = self._unpacked(entry) if entry else None
                if near is not None and not seen.changes.concern(key):
                    near.keep(one, value, owner)
            elif entry is None and near is not None and near.has(one, owner):
                value = near.get(one, owner)
            else:
                continue
            held.add(one)
            if value is not None:
                found[one] = value
        return found, held

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
