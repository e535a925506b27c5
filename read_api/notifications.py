"""What others did that concerns the reader, without those the reader blocks or mutes."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from domain.ids import millis_of, rfc3339
from projections.notifications import KINDS, UNREAD_COUNTED_MAX, Kind, Notification
from projections.post_cards import Card
from projections.windows import Window
from read_api.filling import fill_part
from read_api.hydration import cards_of, includes_with, page_json
from read_api.lists import POSTS_SHOWN_WITH, Includes
from read_api.pages import beyond
from read_api.sight import Sight, sight_of
from read_api.views import Views
from web.paging import PageQuery, window_links
from web.routing import Call, Reply, Route

Skeleton = Callable[[Window, int], Awaitable[Sequence[Notification]]]
# With the card of its post, if it is about one.
Shown = tuple[Notification, Card | None]


class NotificationsQuery(PageQuery, frozen=True, kw_only=True):
    kinds: Annotated[
        tuple[Literal["mention", "reply", "quote", "repost", "like", "follow"], ...],
        Meta(max_length=len(KINDS), description="Only these kinds; repeated"),
    ] = ()


class NotificationItem(msgspec.Struct, frozen=True):
    """`post_id` is the replying, quoting, mentioning, liked or reposted post; null for a follow."""

    id: str
    kind: Kind
    actor_id: str
    post_id: str | None
    created_at: str
    read: bool


class NotificationsPage(msgspec.Struct, frozen=True):
    items: tuple[NotificationItem, ...]
    includes: Includes


class Unread(msgspec.Struct, frozen=True):
    """Counts no further than 100."""

    count: int


class Told(NamedTuple):
    """A page of notifications, newest first; its highest and lowest ids, and whether the list goes
    on in the direction it was read."""

    shown: Sequence[Shown]
    newest: int | None
    oldest: int | None
    more: bool


class Notifications:
    """The endpoints of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def page(self, call: Call) -> Reply:
        """The reader's notifications."""
        query: NotificationsQuery = call.query
        sight = sight_of(call.account_id, self._views.refusals, mutes=True)
        kinds = query.kinds or KINDS

        async def skeleton(window: Window, limit: int) -> Sequence[Notification]:
            return await self._views.notifications.page(call.account_id, window, limit, kinds)

        told = await self._told(skeleton, Window(*query.bounds), query.limit, sight)
        items = [notification_json(notification) for notification, _ in told.shown]
        actors = [notification.actor_id for notification, _ in told.shown]
        cards = [card for _, card in told.shown if card is not None]
        included = await includes_with(cards, actors, self._views, sight)
        links = window_links(call, newest=told.newest, oldest=told.oldest, more=told.more)
        return Reply(200, page_json(items, included), links)

    async def unread(self, call: Call) -> Reply:
        """How many of those that the list shows are unread."""
        sight = sight_of(call.account_id, self._views.refusals, mutes=True)

        async def skeleton(window: Window, limit: int) -> Sequence[Notification]:
            return await self._views.notifications.page(call.account_id, window, limit)

        told = await self._told(skeleton, Window(), UNREAD_COUNTED_MAX, sight)
        count = sum(not notification.read for notification, _ in told.shown)
        return Reply(200, msgspec.json.encode(Unread(count)))

    async def _told(self, skeleton: Skeleton, window: Window, limit: int, sight: Sight) -> Told:
        async def read(last: Notification | None, most: int) -> Sequence[Notification]:
            found = await skeleton(window if last is None else beyond(window, last.item_id), most)
            return found[::-1] if window.upwards else found

        async def show(found: Sequence[Notification]) -> Mapping[Notification, Shown]:
            return {shown[0]: shown for shown in await visible(found, self._views, sight)}

        part = await fill_part(read, show, limit)
        shown = part.shown[::-1] if window.upwards else part.shown
        if shown:
            return Told(shown, shown[0][0].item_id, shown[-1][0].item_id, part.reached is not None)
        # A page on which nothing may be shown goes on behind what was looked at.
        reached = None if part.reached is None else part.reached.item_id
        return Told((), reached, reached, reached is not None)


async def visible(found: Iterable[Notification], views: Views, sight: Sight) -> list[Shown]:
    """Those that the reader may see."""
    admitted = [notification for notification in found if sight.of_doer(notification.actor_id)]
    posts = [n.post_id for n in admitted if n.post_id is not None]
    cards = await cards_of(posts, views, sight) if posts else {}
    return [
        (n, None if n.post_id is None else cards[n.post_id])
        for n in admitted
        if n.post_id is None or n.post_id in cards
    ]


def notification_json(notification: Notification) -> bytes:
    """A notification as clients get it."""
    post_id = notification.post_id
    return msgspec.json.encode(
        NotificationItem(
            id=str(notification.item_id),
            kind=notification.kind,
            actor_id=str(notification.actor_id),
            post_id=None if post_id is None else str(post_id),
            created_at=rfc3339(millis_of(notification.item_id)),
            read=notification.read,
        )
    )


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    notifications = Notifications(views)
    uses = ("notifications", *POSTS_SHOWN_WITH)
    return (
        Route(
            method="GET",
            path="/v1/notifications",
            endpoint=notifications.page,
            summary="What others did that concerns the reader",
            query=NotificationsQuery,
            answers={200: NotificationsPage},
            uses=uses,
            tag="notifications",
        ),
        Route(
            method="GET",
            path="/v1/notifications/unread",
            endpoint=notifications.unread,
            summary="How many notifications are unread",
            answers={200: Unread},
            uses=("notifications", "post_cards"),
            tag="notifications",
        ),
    )
