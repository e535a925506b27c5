"""Which store each projection fills: one line for each."""

from typing import Any

from projections.account_directory import ACCOUNT_DIRECTORY
from projections.author_timelines import AUTHOR_TIMELINES
from projections.conversations import CONVERSATIONS
from projections.engagement import ENGAGEMENT
from projections.follower_graph import FOLLOWER_GRAPH
from projections.home_timelines import HOME_TIMELINES
from projections.moderation import MODERATION
from projections.notifications import NOTIFICATIONS
from projections.post_cards import POST_CARDS
from projections.projection import Projection, Store
from projections.search_index import SEARCH_INDEX
from projections.stores import Stores
from projections.trends import TRENDS


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
