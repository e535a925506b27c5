"""Rows of a projection's file that are kept in memory until its writer changes them.

What is kept is what a read after the last commit would find: the writer tells after each commit
which keys it touched (`ProjectionFile.watch`), before it says that it has reached a position. So a
read that waited for a position never gets anything older.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar, cast

from infra.derived import KeptValues
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
        self._kept = KeptValues[KeyT, RowT](limit)
        self.tell = self._kept.tell
        file.watch(tables, self._forget)

    def get(self, keys: Collection[KeyT]) -> dict[KeyT, RowT]:
        """The rows that there are, in the order of `keys`, those that had to be loaded last."""
        try:
            return dict(zip(keys, map(self._kept.values.__getitem__, keys), strict=True))
        except KeyError:
            return self._completed(keys)

    def _completed(self, keys: Collection[KeyT]) -> dict[KeyT, RowT]:
        found: dict[KeyT, RowT] = {}
        missing = []
        for key in keys:
            row = self._kept.values.get(key)
            if row is None:
                missing.append(key)
            else:
                found[key] = row
        if missing:
            changes = self._kept.changes
            loaded = self._load(missing)
            self._kept.keep(loaded, since=changes)
            found |= loaded
        return found

    def _forget(self, keys: Collection[int]) -> None:
        self._kept.forget(cast("Collection[KeyT]", keys))  # the file does not know whose ids
