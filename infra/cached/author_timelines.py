"""Author timelines with the counts of tweets in a cache."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from domain.ids import AccountId
from infra.cached.joined_loads import JoinedLoads
from infra.cached.store import CachedStore, MadeStore, Touched
from infra.redis.view_cache import ViewCache
from projections.author_timelines import (
    AddPost,
    AuthorTimelines,
    DropAuthor,
    DropPost,
    Operation,
    PostKind,
)
from projections.items import Item
from projections.windows import Window


class MadeTimelines(AuthorTimelines, MadeStore[Operation], Protocol):
    """Any author timelines."""


class CachedAuthorTimelines(CachedStore[Operation]):
    """Implements `projections.author_timelines.AuthorTimelines`."""

    def __init__(self, store: MadeTimelines, cache: ViewCache, *, fills: bool = False) -> None:
        super().__init__(store, cache, fills=fills)
        self._store = store
        self.kept_tweets = cache.shelf("tweets", lambda count: b"%d" % count, int)
        self._load_tweets = JoinedLoads(store.tweet_counts)

    async def page(
        self, author_id: AccountId, kind: PostKind | None, window: Window, limit: int
    ) -> Sequence[Item]:
        """See `AuthorTimelines.page`."""
        return await self._store.page(author_id, kind, window, limit)

    async def public_page(self, window: Window, limit: int) -> Sequence[Item]:
        """See `AuthorTimelines.public_page`."""
        return await self._store.public_page(window, limit)

    def tweet_counts(
        self, author_ids: Sequence[AccountId]
    ) -> Coroutine[Any, Any, Mapping[AccountId, int]]:
        """See `AuthorTimelines.tweet_counts`."""
        return self.kept_tweets.read(author_ids, self._load_tweets)

    def _touched(self, operations: Sequence[Operation]) -> Touched:
        keys = set[str]()
        for operation in operations:
            match operation:
                case AddPost(author_id, _, False) | DropPost(author_id, _, False):
                    keys.add(self.kept_tweets.key(author_id))
                case DropAuthor(author_id):
                    keys.add(self.kept_tweets.key(author_id))
                case _:
                    pass
        return Touched(keys)
