"""What a process keeps in its own memory of what it read of the views' cache, as exact as that.

Redis (6 and up) tells who has read a key when it changes (`CLIENT TRACKING`), on the connection
that read it, in the order of everything else that it says there. So once it has answered something
that was asked after a read began, all that was changed before has been told, and what is still here
is right. A page asks for its home anyway, on the same connection: what follows costs no way to
Redis.

While nothing says when a read began (`Near.begin`), it asks for a sign of life first.
"""

from collections.abc import Collection, Iterable
from contextvars import ContextVar
from itertools import islice, repeat
from typing import Final, Generic, TypeVar, cast
from weakref import WeakSet, WeakValueDictionary

from infra.redis.shared_connection import SharedConnection

IdT = TypeVar("IdT", bound=int)
ValueT = TypeVar("ValueT")
# An id, or those of an owner and of something.
Place = int | tuple[int, int]

# How many commands had been asked when the reads of this request began.
_began: ContextVar[int | None] = ContextVar("_began", default=None)
_EPOCH: Final = "epoch"


class Changes:
    """What has changed since keys were asked for. Held by who wants to keep something of the
    answer."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._all = False

    def concern(self, key: str) -> bool:
        """Whether the key may have another value by now than what was answered."""
        return self._all or key in self._keys

    def note(self, keys: Iterable[str] | None) -> None:
        """These have changed, or all."""
        if keys is None:
            self._all = True
        else:
            self._keys.update(keys)


class NearShelf(Generic[ValueT]):
    """Values of one kind, at most `limit`; None where there is known to be nothing."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[Place, ValueT | None] = {}

    def has(self, place: Place) -> bool:
        """Whether it is kept."""
        return place in self._values

    def all_of(self, ids: Collection[IdT], owner: int | None) -> dict[IdT, ValueT] | None:
        """The values that there are of these ids; None unless all are kept."""
        places = ids if owner is None else zip(repeat(owner), ids, strict=False)
        try:
            found = dict(zip(ids, map(self._values.__getitem__, places), strict=True))
        except KeyError:
            return None
        if None in found.values():
            return {one: value for one, value in found.items() if value is not None}
        return cast("dict[IdT, ValueT]", found)

    def get(self, place: Place) -> ValueT | None:
        """What is kept. Raises KeyError where it is not."""
        return self._values[place]

    def keep(self, place: Place, value: ValueT | None) -> None:
        """Let it be read here until it changes."""
        if len(self._values) >= self._limit:
            # Those kept longest go, some more than necessary so that this is rare.
            for one in list(islice(self._values, 1 + self._limit // 16)):
                del self._values[one]
        self._values[place] = value

    def forget(self, place: Place) -> None:
        """It has changed."""
        self._values.pop(place, None)

    def clear(self) -> None:
        """Anything may have changed."""
        self._values.clear()


class Near:
    """What one process keeps, and how it hears what changes. `life` is the key of Redis's life, if
    values outlive a connection."""

    def __init__(self, connection: SharedConnection, life: str = "") -> None:
        self._connection = connection
        self._life = life
        self._shelves: WeakValueDictionary[str, NearShelf[object]] = WeakValueDictionary()
        self._noting: WeakSet[Changes] = WeakSet()
        connection.listen(self._changed)

    def begin(self) -> None:
        """What the calling task reads from here on may be as of any moment after this one."""
        _began.set(self._connection.asked)

    @property
    def is_current(self) -> bool:
        """Whether Redis has answered something that was asked since the task's reads began."""
        began = _began.get()
        return began is not None and self._connection.answered > began

    def shelf(self, prefix: str, limit: int) -> NearShelf[ValueT]:
        """The one of the keys that begin with this, until nobody holds it any more."""
        shelf = self._shelves.get(prefix)
        if shelf is None:
            shelf = self._shelves[prefix] = NearShelf(limit)
        return cast("NearShelf[ValueT]", shelf)

    def changes(self) -> Changes:
        """Those from now on: to be made before keys are asked for."""
        changes = Changes()
        self._noting.add(changes)
        return changes

    def _changed(self, keys: Collection[bytes] | None) -> None:
        """Redis says that these have changed, or what it has said may be lost."""
        names = [] if keys is None else [key.decode() for key in keys]
        if keys is None or self._life in names:
            self._clear("")
            return
        for changes in self._noting:
            changes.note(names)
        for name in names:
            self._forget(name)

    def _forget(self, key: str) -> None:
        head, _, last = key.rpartition(":")
        if last == _EPOCH:
            self._clear(f"{head}:")
        elif (shelf := self._shelves.get(f"{head}:")) is not None:
            shelf.forget(int(last))
        else:
            prefix, _, owner = head.rpartition(":")
            if (shelf := self._shelves.get(f"{prefix}:")) is not None:
                shelf.forget((int(owner), int(last)))

    def _clear(self, namespace: str) -> None:
        for changes in self._noting:
            changes.note(None)
        for prefix, shelf in self._shelves.items():
            if prefix.startswith(namespace):
                shelf.clear()
