"""Home, public and account timelines: the same page over different skeletons."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.objects import TimelineItem
from projections.author_timelines import PostKind
from projections.items import Item
from projections.post_cards import Card
from projections.windows import Window
from read_api.accounts import known_account
from read_api.hydration import includes, page_json
from read_api.lists import POSTS_SHOWN_WITH, Includes
from read_api.pages import Skeleton, fill
from read_api.sight import Sight, sight_of
from read_api.views import Views
from web.paging import PageQuery, window_links
from web.routing import Auth, Call, Reply, Route


class TimelinePage(msgspec.Struct, frozen=True):
    items: tuple[TimelineItem, ...]
    includes: Includes


class AccountPostsQuery(PageQuery, frozen=True, kw_only=True):
    kind: Annotated[
        Literal["tweet", "reply", "all"], Meta(description="tweet includes reposts")
    ] = "tweet"


def render_item(item: Item, card: Card, sight: Sight) -> bytes:
    """A post where it stands in a timeline, as JSON."""
    reposter = b"null" if item.reposted_by_id is None else b'"%d"' % item.reposted_by_id
    if sight.reader_id is None:
        return b'{"item_id":"%d","reposted_by_id":%b,%b}' % (item.item_id, reposter, card.members)
    return b'{"item_id":"%d","reposted_by_id":%b,%b,"viewer":%b}' % (
        item.item_id,
        reposter,
        card.members,
        card.viewer,
    )


async def timeline(call: Call, skeleton: Skeleton, views: Views, sight: Sight) -> Reply:
    """The page that `call` asks for of the timeline that `skeleton` reads."""
    query: PageQuery = call.query
    page = await fill(skeleton, Window(*query.bounds), query.limit, views, sight)
    reposters = [item.reposted_by_id for item, _ in page.shown if item.reposted_by_id is not None]
    items = [render_item(item, card, sight) for item, card in page.shown]
    included = await includes([card for _, card in page.shown], reposters, views, sight)
    links = window_links(call, newest=page.newest, oldest=page.oldest, more=page.more)
    return Reply(200, page_json(items, included), links)


class Timelines:
    """The endpoints of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def home(self, call: Call) -> Reply:
        """The reader's own home."""
        reader = call.account_id

        async def skeleton(window: Window, limit: int) -> Sequence[Item]:
            return await self._views.home_timelines.page(reader, window, limit)

        sight = sight_of(reader, self._views.refusals, mutes=True)
        return await timeline(call, skeleton, self._views, sight)

    async def public(self, call: Call) -> Reply:
        """Everybody's tweets."""
        sight = sight_of(call.reader_id, self._views.refusals)
        skeleton = self._views.author_timelines.public_page
        return await timeline(call, skeleton, self._views, sight)

    async def of_account(self, call: Call) -> Reply:
        """What one account posted and reposted."""
        author_id = await known_account(call, self._views)
        sight = sight_of(call.reader_id, self._views.refusals)
        kind: PostKind | None = None if call.query.kind == "all" else call.query.kind

        async def skeleton(window: Window, limit: int) -> Sequence[Item]:
            if author_id in sight.blocked:
                return ()
            return await self._views.author_timelines.page(author_id, kind, window, limit)

        return await timeline(call, skeleton, self._views, sight)


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    timelines = Timelines(views)
    return (
        Route(
            method="GET",
            path="/v1/timelines/home",
            endpoint=timelines.home,
            summary="The reader's home timeline",
            query=PageQuery,
            answers={200: TimelinePage},
            uses=("home_timelines", *POSTS_SHOWN_WITH),
            tag="timelines",
        ),
        Route(
            method="GET",
            path="/v1/timelines/public",
            endpoint=timelines.public,
            summary="Everybody's tweets",
            auth=Auth.OPTIONAL,
            query=PageQuery,
            answers={200: TimelinePage},
            uses=POSTS_SHOWN_WITH,
            tag="timelines",
        ),
        Route(
            method="GET",
            path="/v1/accounts/{id:id}/posts",
            endpoint=timelines.of_account,
            summary="An account's posts and reposts",
            auth=Auth.OPTIONAL,
            query=AccountPostsQuery,
            answers={200: TimelinePage},
            uses=POSTS_SHOWN_WITH,
            errors=(404,),
            tag="timelines",
        ),
    )
