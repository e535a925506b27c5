"""Homes kept ready in memory: for each reader seen lately, the ids of what may stand there.

They are lost with the process, which costs each reader one page that is pulled: what homes follow
from is in the file. In the file each delivery would cost a page of its write-ahead log; here it
costs eight bytes.

Who writes holds the file's writer; any thread may read meanwhile and takes no lock. Hence `ids` is
only ever appended to or replaced, and `floor` is raised before what is below it goes.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final

from domain.ids import AccountId

# Some 4 kB each, with 400 items.
READERS_MAX: Final = 40_000
EXPIRE_EVERY_MS: Final = 3_600_000
NOBODY: Final[frozenset[AccountId]] = frozenset()


class ReadyHome:
    """The `ids` (ascending) of a reader's home above `floor`: every one that stands there but for
    those of pulled authors (`pulls`: whether there are any), and some that do not: what is not
    live, and what those posted or reposted who are `hidden` from the reader."""

    __slots__ = ("floor", "hidden", "ids", "last_read_ms", "pulls")

    def __init__(
        self, ids: Sequence[int], last_read_ms: int, hidden: frozenset[AccountId], *, pulls: bool
    ) -> None:
        self.floor = 0
        self.ids = array("q", ids)
        self.last_read_ms = last_read_ms
        self.hidden = hidden
        self.pulls = pulls

    def insert(self, item_id: int) -> None:
        """Add an item that is not the newest."""
        if item_id > self.floor and self.ids[at := bisect_left(self.ids, item_id)] != item_id:
            replaced = self.ids[:]
            replaced.insert(at, item_id)
            self.ids = replaced

    def add(self, item_ids: Iterable[int]) -> None:
        """Add items of any age."""
        self.ids = array("q", sorted({*self.ids, *item_ids}))

    def trim(self, depth: int) -> None:
        """Cut to the newest `depth`."""
        ids = self.ids
        if len(ids) > depth:
            self.floor = ids[-depth - 1]
            self.ids = ids[-depth:]


class ReadyHomes:
    """The homes that are kept ready, `depth` items of each and at most a quarter more."""

    def __init__(self, depth: int, *, readers_max: int = READERS_MAX) -> None:
        self.depth = depth
        self._readers_max = readers_max
        self._homes: dict[AccountId, ReadyHome] = {}
        self._expired_ms = 0

    def __len__(self) -> int:
        return len(self._homes)

    @property
    def sizes(self) -> Mapping[AccountId, int]:
        """How many items are kept, by reader."""
        return {reader: len(home.ids) for reader, home in self._homes.items()}

    def get(self, reader_id: AccountId) -> ReadyHome | None:
        """The reader's, if it is kept ready."""
        return self._homes.get(reader_id)

    def of(self, reader_ids: Iterable[AccountId]) -> list[ReadyHome]:
        """Those of these readers that are kept ready."""
        return [home for home in map(self._homes.get, reader_ids) if home is not None]

    def push(self, item_id: int, homes: Iterable[ReadyHome]) -> None:
        """Add an item to these homes. Most likely it is the newest of each."""
        longest = self.depth + self.depth // 4
        for home in homes:
            ids = home.ids
            if not ids or item_id > ids[-1]:
                ids.append(item_id)
                if len(ids) > longest:
                    home.trim(self.depth)
            else:
                home.insert(item_id)

    def keep(
        self,
        reader_id: AccountId,
        item_ids: Sequence[int],
        now_ms: int,
        *,
        hidden: frozenset[AccountId] = NOBODY,
        pulls: bool = False,
    ) -> None:
        """Keep a home ready from now on. `item_ids`, ascending, are its newest: all that there
        are, or more than `depth`."""
        if len(self._homes) >= self._readers_max:
            self._make_room()
        home = ReadyHome(item_ids, now_ms, hidden, pulls=pulls)
        home.trim(self.depth)
        self._homes[reader_id] = home

    def evict(self, reader_ids: Iterable[AccountId]) -> None:
        """Keep these readers' homes no longer."""
        for reader_id in reader_ids:
            self._homes.pop(reader_id, None)

    def expire(self, unread_since_ms: int) -> None:
        """Evict, once an hour, the readers last seen before then."""
        if unread_since_ms - self._expired_ms >= EXPIRE_EVERY_MS:
            self._expired_ms = unread_since_ms
            self.evict([r for r, at_ms in self._last_reads() if at_ms < unread_since_ms])

    def _make_room(self) -> None:
        """The readers not seen for longest go, some more than necessary so that this is rare."""
        oldest_first = sorted(self._last_reads(), key=itemgetter(1))
        excess = len(oldest_first) - self._readers_max + self._readers_max // 16 + 1
        self.evict([reader for reader, _ in islice(oldest_first, excess)])

    def _last_reads(self) -> list[tuple[AccountId, int]]:
        return [(reader, home.last_read_ms) for reader, home in self._homes.items()]
