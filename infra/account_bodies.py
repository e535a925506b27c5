"""Accounts as JSON, kept until one of the rows changes that they are made of.

A page shows some 13 accounts, of three views each, and the same accounts stand on the pages of very
many readers. What keeps a view's rows knows when they change, before anybody may expect to
see it; so what is made of such rows is as right as they are, if it goes when they go.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

from domain.ids import AccountId
from infra.derived import Kept, KeptValues
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
        # Those that answered last.
        self._stores: _Stores = (None, None, None)
        # None: there is no such account.
        self._bodies = KeptValues[AccountId, bytes | None](limit)

    def known(self, ids: Collection[AccountId]) -> Mapping[AccountId, bytes] | None:
        """See `AccountBodies.known`."""
        if not self._is_current():
            return None
        views, kept = self._views, self._bodies.values
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

    def _follow(self, stores: _Stores) -> None:
        for kept in _rows_of(stores):
            kept.tell(self._bodies)
        self._bodies.forget(None)
        self._stores = stores

    def _made(self, ids: Collection[AccountId], rows: _Rows) -> Mapping[AccountId, bytes] | None:
        changes = self._bodies.changes
        kept_profiles, kept_tweets, kept_edges = rows
        # Counts of accounts that much is done with are what is asked for most.
        if (edges := kept_edges.get(ids)) is None or (tweets := kept_tweets.get(ids)) is None:
            return None
        if (profiles := kept_profiles.get(ids)) is None:
            return None
        bodies = bodies_of(profiles, tweets, edges)
        self._bodies.keep({one: bodies.get(one) for one in ids}, since=changes)
        return bodies


def _rows_of(stores: _Stores) -> _Rows:
    directory, timelines, graph = stores
    return directory.kept_profiles, timelines.kept_tweets, graph.kept_edges
