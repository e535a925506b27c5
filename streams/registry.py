"""The projections that there are: one line for each."""

from collections.abc import Mapping
from typing import Any, Final

from domain.errors import NotFound
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

PROJECTIONS: Final = (
    POST_CARDS,
    AUTHOR_TIMELINES,
    HOME_TIMELINES,
    CONVERSATIONS,
    FOLLOWER_GRAPH,
    SEARCH_INDEX,
    ENGAGEMENT,
    TRENDS,
    NOTIFICATIONS,
    ACCOUNT_DIRECTORY,
    MODERATION,
)
BY_NAME: Final[Mapping[str, Projection]] = {one.name: one for one in PROJECTIONS}


def projection_named(name: str) -> Projection:
    """Raises NotFound."""
    if name not in BY_NAME:
        raise NotFound(f"There is no projection {name}")
    return BY_NAME[name]


def joined(stores: Stores) -> tuple[tuple[Projection, Store[Any]], ...]:
    """Every projection with the store it fills, which has its name."""
    return tuple((projection, getattr(stores, projection.name)) for projection in PROJECTIONS)
