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
from itertools import islice
from typing import Final, Generic, TypeVar, cast
from weakref import WeakSet, WeakValueDictionary

from infra.derived import Derived
from infra.redis.shared_connection import SharedConnection

IdT = TypeVar("IdT", bound=int)
ValueT = TypeVar("ValueT")

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
    """Values of one kind, at most `limit`; None where there is known to be nothing. Those of an
    owner are together: who reads some of them reads many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: dict[int | None, dict[int, ValueT | None]] = {}
        self._derived: WeakSet[Derived] = WeakSet()

    def tell(self, derived: Derived) -> None:
        """See `infra.derived.Kept.tell`."""
        self._derived.add(derived)

    def has(self, one: int, owner: int | None = None) -> bool:
        """Whether it is kept."""
        return one in self._values.get(owner, ())

    def all_of(self, ids: Collection[IdT], owner: int | None = None) -> dict[IdT, ValueT] | None:
        """The values that there are of these ids; None unless all are kept."""
        try:
            found = dict(zip(ids, map(self._values[owner].__getitem__, ids), strict=True))
        except KeyError:
            return None if ids else {}
        if all(found.values()):  # so none is None; comparing each with it takes far longer
            return cast("dict[IdT, ValueT]", found)
        return {one: value for one, value in found.items() if value is not None}

    def each_of(self, ids: Iterable[int]) -> list[ValueT | None] | None:
        """What is kept of each of these ids, in their order; None unless all are kept."""
        try:
            return list(map(self._values[None].__getitem__, ids))
        except KeyError:
            return None

    def get(self, one: int, owner: int | None = None) -> ValueT | None:
        """What is kept. Raises KeyError where it is not."""
        return self._values[owner][one]

    def keep(self, one: int, value: ValueT | None, owner: int | None = None) -> None:
        """Let it be read here until it changes."""
        if self._size >= self._limit:
            self._make_room()
        values = self._values.setdefault(owner, {})
        self._size += one not in values
        values[one] = value

    def forget(self, one: int, owner: int | None = None) -> None:
        """It has changed."""
        values = self._values.get(owner)
        if values is not None and one in values:
            del values[one]
            self._size -= 1
            if not values:
                del self._values[owner]
        # Also where it is not kept any more: what is made of it may be.
        for derived in self._derived:
            derived.forget((one,))

    def clear(self) -> None:
        """Anything may have changed."""
        self._values.clear()
        self._size = 0
        for derived in self._derived:
            derived.forget(None)

    def _make_room(self) -> None:
        """Those kept longest go, or of the owners who came first; some more than necessary, so that
        this is rare."""
        left = self._limit - 1 - self._limit // 16
        while self._size > left:
            owner, values = next(iter(self._values.items()))
            some = list(islice(values, self._size - left))
            for one in some:
                del values[one]
            self._size -= len(some)
            if not values:
                del self._values[owner]


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
                shelf.forget(int(last), int(owner))

    def _clear(self, namespace: str) -> None:
        for changes in self._noting:
            changes.note(None)
        for prefix, shelf in self._shelves.items():
            if prefix.startswith(namespace):
                shelf.clear()
