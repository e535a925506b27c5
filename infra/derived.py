"""Rows of a view that a process keeps, and what it makes of them and keeps as well."""

import threading
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

KeyT = TypeVar("KeyT", bound=int)
ValueT = TypeVar("ValueT")
RowT_co = TypeVar("RowT_co", covariant=True)


class Derived(Protocol):
    """What is made of rows that are kept."""

    def forget(self, keys: Collection[Any] | None) -> None:
        """The rows of these keys have changed, or any may have."""


class Kept(Protocol[RowT_co]):
    """Rows of a view that this process keeps for as long as they are right."""

    def get(self, ids: Collection[Any]) -> Mapping[Any, RowT_co] | None:
        """The rows that there are of these ids; None if somebody has to be asked and waited for."""

    def tell(self, derived: Derived) -> None:
        """Let `derived` forget what changes from now on, for as long as somebody holds it."""


class KeptValues(Generic[KeyT, ValueT]):
    """About `limit` values that are right until somebody says that they have changed. `values` may
    be read by any thread at any time."""

    def __init__(self, limit: int) -> None:
        self.values: dict[KeyT, ValueT] = {}
        # How often something changed: to be looked at before what is to be kept is read.
        self.changes = 0
        self._limit = limit
        self._lock = threading.Lock()
        self._derived: WeakSet[Derived] = WeakSet()

    def tell(self, derived: Derived) -> None:
        """See `Kept.tell`."""
        with self._lock:
            self._derived.add(derived)

    def keep(self, values: Mapping[KeyT, ValueT], *, since: int) -> None:
        """Keep these, unless something has changed since there were so many `changes`: it may not
        be in what was read, which is good for now then, and not for later."""
        with self._lock:
            if since == self.changes:
                self.values.update(values)
                self._make_room()

    def forget(self, keys: Collection[KeyT] | None) -> None:
        """See `Derived.forget`."""
        with self._lock:
            self.changes += 1
            if keys is None:
                self.values.clear()
            else:
                for key in keys:
                    self.values.pop(key, None)
            for derived in self._derived:
                derived.forget(keys)

    def _make_room(self) -> None:
        """Those kept longest go, some more than necessary so that this is rare."""
        if len(self.values) > self._limit:
            excess = len(self.values) - self._limit + self._limit // 16
            for key in list(islice(self.values, excess)):
                del self.values[key]
