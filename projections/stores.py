"""One store for each projection, whatever engine it is in."""

from dataclasses import dataclass

from projections.account_directory import AccountDirectory
from projections.author_timelines import AuthorTimelines
from projections.conversations import Conversations
from projections.engagement import Engagement
from projections.follower_graph import FollowerGraph
from projections.home_timelines import HomeTimelines
from projections.moderation import Moderation
from projections.notifications import Notifications
from projections.post_cards import PostCards
from projections.search_index import SearchIndex
from projections.trends import Trends


@dataclass(slots=True)
class Stores:
    """The store of every projection's live generation. Another one takes its place while the
    system serves: do not keep what is read here for later."""

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
