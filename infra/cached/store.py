"""What every store with a cache before it does besides its port's questions."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from infra.redis.view_cache import ViewCache
from projections.projection import SharedStore, StoreUnavailable

NEW_MAX: Final = 100
# Of what goes with an account that is closed: where it is more, everything that is cached goes.
CLOSED_MAX: Final = 10_000

OperationT = TypeVar("OperationT")
OperationT_contra = TypeVar("OperationT_contra", contravariant=True)


class MadeStore(SharedStore[OperationT_contra], Protocol[OperationT_contra]):
    """A store with what it keeps all in."""

    async def create(self) -> None:
        """Make what is missing. Raises StoreUnavailable."""

    async def drop(self) -> None:
        """Remove everything. Raises StoreUnavailable."""


class Touched(NamedTuple):
    """The keys of what a batch may change, or that it may be anything."""

    keys: set[str]
    whole: bool = False


class CachedStore(ABC, Generic[OperationT]):
    """Who claims partitions of it voids what is in the cache: nobody knows what who had them
    before has left there. Where it `fills` the store, what is new is cached at once."""

    def __init__(
        self, store: MadeStore[OperationT], cache: ViewCache, *, fills: bool = False
    ) -> None:
        self._made = store
        self._cache = cache
        self._fills = fills
        self._reading = False
        self.create = store.create
        self.checkpoint = store.checkpoint

    async def drop(self) -> None:
        """Remove everything, and let nothing count that is cached. Raises StoreUnavailable."""
        await self._made.drop()
        await self._cache.bars.void()

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""
        await self._made.claim(partitions)
        await self._cache.bars.entrusted()

    async def apply(self, operations: Sequence[OperationT], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`. Raises Superseded."""
        keys, whole = await self._touched_by(operations)
        async with self._cache.bars.over(keys, whole=whole):
            await self._made.apply(operations, checkpoint)
        self._write_through(operations)

    def _write_through(self, operations: Sequence[OperationT]) -> None:
        """Read what is new as readers do, so that it is cached when they come. Not where many
        wait to be applied: what is old news is not read at once."""
        if self._fills and not self._reading and len(operations) <= NEW_MAX:
            self._reading = True
            self._cache.turns.spawn(self._read(operations), "what is new goes into the cache")

    async def _read(self, operations: Sequence[OperationT]) -> None:
        try:
            await self._read_new(operations)
        except StoreUnavailable:
            return
        finally:
            self._reading = False

    async def _read_new(self, operations: Sequence[OperationT]) -> None:
        """Read what these brought of what is cached."""

    async def _touched_by(self, operations: Sequence[OperationT]) -> Touched:
        """The same, with what only the store knows."""
        return self._touched(operations)

    @abstractmethod
    def _touched(self, operations: Sequence[OperationT]) -> Touched:
        """What these operations may change of what is cached, as far as they say it."""
