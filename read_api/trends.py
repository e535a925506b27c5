"""What is talked about now."""

import msgspec

from read_api.hydration import page_json
from read_api.lists import NO_INCLUDES, Includes
from read_api.views import Views
from web.paging import LimitQuery
from web.routing import Auth, Call, Reply, Route


class TrendItem(msgspec.Struct, frozen=True):
    """A hashtag, the posts of the last 24 hours that have it, and how much it trends."""

    tag: str
    count: int
    score: float


class TrendsPage(msgspec.Struct, frozen=True):
    """Highest score first."""

    items: tuple[TrendItem, ...]
    includes: Includes


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""

    async def trends(call: Call) -> Reply:
        found = await views.trends.top(views.now_ms(), call.query.limit)
        items = [msgspec.json.encode(TrendItem(*trend)) for trend in found]
        return Reply(200, page_json(items, NO_INCLUDES))

    return (
        Route(
            method="GET",
            path="/v1/trends",
            endpoint=trends,
            summary="Trending hashtags",
            auth=Auth.OPTIONAL,
            query=LimitQuery,
            answers={200: TrendsPage},
            uses=("trends",),
            tag="trends",
        ),
    )
