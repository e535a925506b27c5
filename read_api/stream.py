"""What happens, as it happens: new home items and notifications, edits and deletions, over SSE.

The server subscribes first, then the client reads; what comes twice the client drops by its id.
A `reset` says that something was lost: the client reads everything again. A stream ends with its
access token, at once when the session is revoked or the account suspended, and the client opens
it again with `Last-Event-ID`.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final, NamedTuple

from starlette.responses import Response

from domain.errors import NotSignedIn, ProjectionBehind, Suspended
from domain.ids import ID_MAX, AccountId, EventId, PostId
from domain.positions import Vector, merge
from projections.notifications import Notification
from projections.post_cards import Card
from projections.signals import Edited, Gone, Posted, Signal, Told, Withdrawn
from projections.windows import Window
from read_api.event_stream import HEARTBEAT, MEDIA_TYPE, OPENING, EventStream, frame
from read_api.hydration import cards_of, render_post
from read_api.notifications import notification_json, visible
from read_api.pages import may_show
from read_api.ports import Delivered, FellBehind, Live, Subscription
from read_api.sight import Sight, sight_of
from read_api.timelines import render_item
from read_api.views import Views
from web.app import Authenticator, Progress
from web.routing import Call, Route

TAKEN_MAX: Final = 50
# What a signal's event is looked up in: the stream waits until they have reached it.
LOOKED_UP_IN: Final = ("post_cards", "notifications")
NO_DETAILS: Final = b"{}"


class Pace(NamedTuple):
    """Seconds between heartbeats, between looks at whether the token still stands, and for which
    the views are waited for."""

    heartbeat_s: float = 15.0
    check_s: float = 2.0
    wait_s: float = 10.0


PACE: Final = Pace()


class Streaming(NamedTuple):
    """What the stream needs besides the views."""

    live: Live
    progress: Progress
    authenticator: Authenticator
    pace: Pace = PACE


class Streams:
    """The endpoint of this resource."""

    def __init__(self, views: Views, streaming: Streaming) -> None:
        self._views = views
        self._live, self._progress, self._authenticator, self._pace = streaming

    async def open(self, call: Call) -> Response:
        """Listen from now on, or from before the event that Last-Event-ID names."""
        lost = False
        try:
            since = _last_event(call.headers.get("last-event-id"))
            subscription = await self._live.listen(call.account_id, since=since)
        except FellBehind:
            lost = True
            subscription = await self._live.listen(call.account_id, since=None)
        frames = self._frames(call, subscription, lost=lost)
        return EventStream(frames, closing=subscription.close)

    async def _frames(
        self, call: Call, subscription: Subscription, *, lost: bool
    ) -> AsyncGenerator[bytes, None]:
        yield OPENING
        if lost:
            yield self._reset()
        clock = asyncio.get_running_loop().time
        sent_at = clock()
        try:
            while self._admitted(call):
                found = await self._next(subscription)
                if found is not None and not found:
                    return
                for rendered in await self._rendered(found or (), call):
                    yield rendered
                    sent_at = clock()
                if clock() - sent_at >= self._pace.heartbeat_s:
                    yield HEARTBEAT
                    sent_at = clock()
        except (FellBehind, ProjectionBehind):
            yield self._reset()

    async def _next(self, subscription: Subscription) -> Sequence[Delivered] | None:
        """What came; None if nothing did for a while."""
        try:
            async with asyncio.timeout(min(self._pace.check_s, self._pace.heartbeat_s)):
                return await subscription.next(TAKEN_MAX)
        except TimeoutError:
            return None

    async def _rendered(self, found: Sequence[Delivered], call: Call) -> Sequence[bytes]:
        """Frames of what the reader may see; none if the token stands no more."""
        if not found:
            return ()
        vector: Vector = merge(delivered.vector for delivered in found)
        await self._progress.reached(LOOKED_UP_IN, vector, self._pace.wait_s)
        frames = await render(found, call.account_id, self._views)
        return frames if self._admitted(call) else ()

    def _admitted(self, call: Call) -> bool:
        try:
            self._authenticator.verify(call.headers["authorization"].partition(" ")[2])
        except (NotSignedIn, Suspended):
            return False
        return True

    def _reset(self) -> bytes:
        return frame("reset", self._live.newest(), NO_DETAILS)


async def render(found: Sequence[Delivered], reader_id: AccountId, views: Views) -> Sequence[bytes]:
    """The frames of what happened, in order, without what the reader may not see."""
    sight = sight_of(reader_id, views.refusals, mutes=True)
    signals = [delivered.signal for delivered in found]
    post_ids = [s.item.post_id for s in signals if isinstance(s, Posted)]
    post_ids += [s.post_id for s in signals if isinstance(s, Edited)]
    cards = await cards_of(post_ids, views, sight) if post_ids else {}
    frames = [await _frames_of(signal, cards, views, sight) for signal in signals]
    return [one for some in frames for one in some]


async def _frames_of(
    signal: Signal, cards: Mapping[PostId, Card], views: Views, sight: Sight
) -> Sequence[bytes]:
    match signal:
        case Posted(event_id, _, item):
            card = cards.get(item.post_id)
            if card is None or not may_show(item, card, sight):
                return ()
            return [frame("home", event_id, render_item(item, card, sight))]
        case Edited(event_id, post_id, author_id) if post_id in cards and sight.of_doer(author_id):
            return [frame("update", event_id, render_post(cards[post_id], sight))]
        case Gone() | Withdrawn():
            return _deleted(signal, sight)
        case Told(event_id, _):
            shown = await _notification(event_id, views, sight)
            return [frame("notification", event_id, notification_json(n)) for n in shown]
        case _:
            return ()


def _deleted(signal: Gone | Withdrawn, sight: Sight) -> Sequence[bytes]:
    """`id` is what is gone: a post, or one item of it."""
    match signal:
        case Gone(event_id, post_id, author_id) if sight.of_account(author_id):
            return [frame("delete", event_id, b'{"id":"%d"}' % post_id)]
        case Withdrawn(event_id, reposter_id, item_id, post_id) if sight.of_doer(reposter_id):
            data = b'{"id":"%d","post_id":"%d","reposted_by_id":"%d"}'
            return [frame("delete", event_id, data % (item_id, post_id, reposter_id))]
        case _:
            return ()


async def _notification(event_id: EventId, views: Views, sight: Sight) -> Sequence[Notification]:
    """The one that the event made, if it made one that the list would show."""
    if sight.reader_id is None:
        return ()
    only = Window(max_id=min(event_id + 1, ID_MAX), since_id=event_id - 1)
    found = await views.notifications.page(sight.reader_id, only, 1)
    return [notification for notification, _ in await visible(found, views, sight)]


def _last_event(text: str | None) -> EventId | None:
    """Raises FellBehind for what is no id of ours: nobody knows what came after it."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise FellBehind
    return EventId(min(int(text), ID_MAX))


def routes(views: Views, streaming: Streaming) -> tuple[Route, ...]:
    """The routes of this resource."""
    return (
        Route(
            method="GET",
            path="/v1/stream",
            endpoint=Streams(views, streaming).open,
            summary="Events as they happen",
            answers={200: MEDIA_TYPE},
            tag="stream",
        ),
    )
