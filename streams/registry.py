"""Which projections there are, and which store each one fills: one line for each."""

from dataclasses import dataclass
from typing import Any

from projections.account_directory import ACCOUNT_DIRECTORY, AccountDirectory
from projections.author_timelines import AUTHOR_TIMELINES, AuthorTimelines
from projections.conversations import CONVERSATIONS, Conversations
from projections.engagement import ENGAGEMENT, Engagement
from projections.follower_graph import FOLLOWER_GRAPH, FollowerGraph
from projections.home_timelines import HOME_TIMELINES, HomeTimelines
from projections.moderation import MODERATION, Moderation
from projections.notifications import NOTIFICATIONS, Notifications
from projections.post_cards import POST_CARDS, PostCards
from projections.projection import Projection, Store
from projections.search_index import SEARCH_INDEX, SearchIndex
from projections.trends import TRENDS, Trends


@dataclass(frozen=True, slots=True)
class Stores:
    """One store for each projection, whatever engine it is in."""

    post_cards: PostCards
    author_timelines: AuthorTimelines
    home_timelines: HomeTimelines
    conversations: Conversations
    follower_graph: FollowerGraph
    search_index: SearchIndex
    engagement: Engagement
    trends: Trends
    notifications: Notifications
    account_directory: AccountDirectory
    moderation: Moderation


def joined(stores: Stores) -> tuple[tuple[Projection, Store[Any]], ...]:
    """Every projection with the store it fills."""
    return (
        (POST_CARDS, stores.post_cards),
        (AUTHOR_TIMELINES, stores.author_timelines),
        (HOME_TIMELINES, stores.home_timelines),
        (CONVERSATIONS, stores.conversations),
        (FOLLOWER_GRAPH, stores.follower_graph),
        (SEARCH_INDEX, stores.search_index),
        (ENGAGEMENT, stores.engagement),
        (TRENDS, stores.trends),
        (NOTIFICATIONS, stores.notifications),
        (ACCOUNT_DIRECTORY, stores.account_directory),
        (MODERATION, stores.moderation),
    )
