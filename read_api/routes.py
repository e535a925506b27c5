"""Every read's path, the busiest first."""

from read_api import (
    accounts,
    analytics,
    conversations,
    graph,
    moderation,
    notifications,
    operations,
    posts,
    search,
    stream,
    timelines,
    trends,
    why,
)
from read_api.operations import Operations
from read_api.stream import Streaming
from read_api.views import Views
from web.routing import Route


def routes(views: Views, streaming: Streaming, known: Operations) -> tuple[Route, ...]:
    """The read side as data; `web.app.build` makes an application of it."""
    return (
        *timelines.routes(views),
        *posts.routes(views),
        *accounts.routes(views),
        *conversations.routes(views),
        *notifications.routes(views),
        *graph.routes(views),
        *search.routes(views),
        *trends.routes(views),
        *stream.routes(views, streaming),
        *analytics.routes(views),
        *why.routes(views, known.projections),
        *moderation.routes(views),
        *operations.routes(known),
    )
