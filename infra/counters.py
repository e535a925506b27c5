"""Counts for the answers of commands, taken from the views."""

from domain.ids import AccountId, PostId
from domain.objects import AccountCounts, PostCounts
from projections.projection import StoreUnavailable
from projections.stores import Stores


class ViewCounters:
    """Implements `commands.ports.Counters`."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def of_post(self, post_id: PostId) -> PostCounts:
        """See `Counters.of_post`."""
        try:
            return await self._stores.post_cards.counts(post_id)
        except StoreUnavailable:
            return PostCounts()

    async def of_account(self, account_id: AccountId) -> AccountCounts:
        """See `Counters.of_account`."""
        try:
            tweets = await self._stores.author_timelines.tweet_counts([account_id])
            edges = await self._stores.follower_graph.counts([account_id])
        except StoreUnavailable:
            return AccountCounts()
        followers, following = edges.get(account_id, (0, 0))
        return AccountCounts(tweets.get(account_id, 0), followers, following)
