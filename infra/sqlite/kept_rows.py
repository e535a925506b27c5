"""Rows of a projection's file that are kept in memory until its writer changes them.

What is kept is what a read after the last commit would find: the writer tells after each commit
which keys it touched (`ProjectionFile.watch`), before it says that it has reached a position. So a
read that waited for a position never gets anything older.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Generic, TypeVar, cast
from weakref import WeakSet

from infra.derived import Derived
from infra.sqlite.projection_file import ProjectionFile

KeyT = TypeVar("KeyT", bound=int)
RowT = TypeVar("RowT")


class KeptRows(Generic[KeyT, RowT]):
    """What `load` finds by key, for at most `limit` keys. Any thread may ask.

    `tables` names the tables that it is made of, each with the column that holds the key. A key
    that `load` leaves out is not kept.
    """

    def __init__(
        self,
        file: ProjectionFile,
        tables: Mapping[str, str],
        load: Callable[[Collection[KeyT]], Mapping[KeyT, RowT]],
        *,
        limit: int,
    ) -> None:
        self._load = load
        self._limit = limit
        self._rows: dict[KeyT, RowT] = {}
        self._changes = 0
        self._lock = threading.Lock()
        self._derived: WeakSet[Derived] = WeakSet()
        file.watch(tables, self._forget)

    def get(self, keys: Collection[KeyT]) -> dict[KeyT, RowT]:
        """The rows that there are, in the order of `keys`, those that had to be loaded last."""
        kept = self._rows
        try:  # as nearly always, all at once
            return dict(zip(keys, map(kept.__getitem__, keys), strict=True))
        except KeyError:
            pass
        found: dict[KeyT, RowT] = {}
        missing = []
        for key in keys:
            row = kept.get(key)
            if row is None:
                missing.append(key)
            else:
                found[key] = row
        if missing:
            found |= self._loaded(missing)
        return found

    def tell(self, derived: Derived) -> None:
        """See `infra.derived.Kept.tell`."""
        with self._lock:
            self._derived.add(derived)

    def _loaded(self, keys: Collection[KeyT]) -> Mapping[KeyT, RowT]:
        changes = self._changes
        loaded = self._load(keys)
        with self._lock:
            # What changed meanwhile may not be in what was loaded: good for now, not for later.
            if changes == self._changes:
                self._rows.update(loaded)
                self._make_room()
        return loaded

    def _make_room(self) -> None:
        """Those kept longest go, some more than necessary so that this is rare."""
        if len(self._rows) > self._limit:
            excess = len(self._rows) - self._limit + self._limit // 16
            for key in list(islice(self._rows, excess)):
                del self._rows[key]

    def _forget(self, keys: Collection[int]) -> None:
        with self._lock:
            self._changes += 1
            for key in keys:
                self._rows.pop(cast("KeyT", key), None)  # the file does not know whose ids
            for derived in self._derived:
                derived.forget(keys)
