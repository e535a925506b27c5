"""The account directory with its profiles in a cache."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from domain.ids import AccountId
from infra.cached.joined_loads import JoinedLoads
from infra.cached.store import CachedStore, MadeStore, Touched
from infra.redis.view_cache import ViewCache
from projections.account_directory import AccountDirectory, Operation, SetProfile


class MadeDirectory(AccountDirectory, MadeStore[Operation], Protocol):
    """Any account directory."""


class CachedAccountDirectory(CachedStore[Operation]):
    """Implements `projections.account_directory.AccountDirectory`."""

    def __init__(self, store: MadeDirectory, cache: ViewCache, *, fills: bool = False) -> None:
        super().__init__(store, cache, fills=fills)
        self._store = store
        self.kept_profiles = cache.shelf("profile", bytes, bytes)
        self._load_profiles = JoinedLoads(store.profiles)

    def profiles(
        self, account_ids: Sequence[AccountId]
    ) -> Coroutine[Any, Any, Mapping[AccountId, bytes]]:
        """See `AccountDirectory.profiles`."""
        return self.kept_profiles.read(account_ids, self._load_profiles)

    async def handles(self, account_ids: Sequence[AccountId]) -> dict[AccountId, str]:
        """See `AccountDirectory.handles`."""
        return await self._store.handles(account_ids)

    async def by_handle(self, handle: str) -> AccountId | None:
        """See `AccountDirectory.by_handle`."""
        return await self._store.by_handle(handle)

    async def count(self) -> int:
        """See `AccountDirectory.count`."""
        return await self._store.count()

    async def _read_new(self, operations: Sequence[Operation]) -> None:
        await self.profiles([one.account_id for one in operations if isinstance(one, SetProfile)])

    def _touched(self, operations: Sequence[Operation]) -> Touched:
        return Touched({self.kept_profiles.key(operation.account_id) for operation in operations})
