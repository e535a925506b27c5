"""Accounts as JSON, kept until one of the rows changes that they are made of.

A page shows some 13 accounts, of three views each, and the same accounts stand on the pages of very
many readers. What keeps a view's rows knows when they change, before anybody may expect to
see it; so what is made of such rows is as right as they are, if it goes when they go.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Any, Final, cast

from domain.ids import AccountId
from infra.derived import Kept
from projections.follower_graph import EdgeCounts
from projections.stores import Stores
from read_api.hydration import bodies_of

# Some 500 bytes each.
BODIES_MAX: Final = 50_000

# Account directory, author timelines and follower graph, and what each keeps.
_Stores = tuple[Any, Any, Any]
_Rows = tuple[Kept[bytes], Kept[int], Kept[EdgeCounts]]


class KeptBodies:
    """Implements `read_api.ports.AccountBodies` over the stores that answer in `views`, which keep
    their rows of accounts. `is_current`: whether the calling request may read what is kept."""

    def __init__(
        self, views: Stores, is_current: Callable[[], bool], *, limit: int = BODIES_MAX
    ) -> None:
        # Any: which stores keep rows is for whoever composes them.
        self._views: Any = views
        self._is_current = is_current
        self._limit = limit
        # Those that answered last.
        self._stores: _Stores = (None, None, None)
        # None: there is no such account.
        self._bodies: dict[AccountId, bytes | None] = {}
        # Rows may change in another thread.
        self._lock = threading.Lock()
        self._changes = 0

    def known(self, ids: Collection[AccountId]) -> Mapping[AccountId, bytes] | None:
        """See `AccountBodies.known`."""
        if not self._is_current():
            return None
        views, kept = self._views, self._bodies
        stores = views.account_directory, views.author_timelines, views.follower_graph
        if stores != self._stores:  # another generation answers
            self._follow(stores)
        try:
            found = dict(zip(ids, map(kept.__getitem__, ids), strict=True))
        except KeyError:
            return self._made(ids, _rows_of(stores))
        if all(found.values()):
            return cast("dict[AccountId, bytes]", found)
        return {one: body for one, body in found.items() if body is not None}

    def forget(self, keys: Collection[AccountId] | None) -> None:
        """See `Derived.forget`."""
        with self._lock:
            self._changes += 1
            if keys is None:
                self._bodies.clear()
            else:
                for key in keys:
                    self._bodies.pop(key, None)

    def _follow(self, stores: _Stores) -> None:
        for kept in _rows_of(stores):
            kept.tell(self)
        self.forget(None)
        self._stores = stores

    def _made(self, ids: Collection[AccountId], rows: _Rows) -> Mapping[AccountId, bytes] | None:
        changes = self._changes
        kept_profiles, kept_tweets, kept_edges = rows
        # Counts of accounts that much is done with are what is asked for most.
        if (edges := kept_edges.get(ids)) is None or (tweets := kept_tweets.get(ids)) is None:
            return None
        if (profiles := kept_profiles.get(ids)) is None:
            return None
        bodies = bodies_of(profiles, tweets, edges)
        with self._lock:
            # What changed meanwhile may not be in what was read: good for now, not for later.
            if changes == self._changes:
                self._bodies.update((one, bodies.get(one)) for one in ids)
                self._make_room()
        return bodies

    def _make_room(self) -> None:
        """Those kept longest go, some more than necessary so that this is rare."""
        if len(self._bodies) > self._limit:
            excess = len(self._bodies) - self._limit + self._limit // 16
            for one in list(islice(self._bodies, excess)):
                del self._bodies[one]


def _rows_of(stores: _Stores) -> _Rows:
    directory, timelines, graph = stores
    return directory.kept_profiles, timelines.kept_tweets, graph.kept_edges
