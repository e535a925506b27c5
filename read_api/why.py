"""Why a post is, or is not, in the reader's home: asked of the streams, the home itself and the
post's card, in words that a person can act on.
"""

from collections.abc import Iterator
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from domain.errors import PostNotFound
from domain.ids import AccountId, PostId, millis_of, rfc3339
from projections.home_timelines import HOME_TIMELINES, Place, Whereabouts
from projections.post_cards import POST_CARDS, Card
from read_api.ports import Projections
from read_api.sight import Sight, sight_of
from read_api.views import Views
from web.paging import Id
from web.routing import Call, Reply, Route

Because = Literal["own", "followed", "reposted"]
Absence = Literal[
    "deleted", "unavailable", "blocked", "muted", "reply", "not_followed", "not_projected"
]
PulledBecause = Literal["large", "trimmed", "away"]
# A post without a card or a place in the home is due while one of these is behind.
ASKED: Final = frozenset({HOME_TIMELINES.name, POST_CARDS.name})
# Clocks of several processes differ a little.
CLOCKS_MS: Final = 1_000


class WhyQuery(msgspec.Struct, frozen=True, kw_only=True):
    post_id: Annotated[Id, Meta(description="The post that is asked about")]


class WhyPlace(msgspec.Struct, frozen=True):
    """A place of the post in the home. It was pushed there, or is pulled when a page is read:
    its author has very many followers or pushing goes on (large), it is older than what is kept
    ready (trimmed), or nothing is, for the reader was away."""

    item_id: str
    reposted_by_id: str | None
    because: Because
    path: Literal["pushed", "pulled"]
    pulled_because: PulledBecause | None


class Why(msgspec.Struct, frozen=True):
    """`absent_because` is empty where the post is shown: deleted; unavailable (hidden, suspended
    or closed); blocked, whoever blocked; muted; a reply to somebody else; its author is not
    followed; or not projected yet, and `lag_events` and `lag_seconds` say how far behind that is.
    `author_id` is null where the reader may not see the post."""

    post_id: str
    author_id: str | None
    shown: bool
    followed_since: str | None
    places: tuple[WhyPlace, ...]
    absent_because: tuple[Absence, ...]
    lag_events: int
    lag_seconds: float


class _Lag(NamedTuple):
    events: int = 0
    seconds: float = 0.0


class _Asked(NamedTuple):
    """What is known of a post for a reader."""

    reader: AccountId
    post_id: PostId
    card: Card | None
    found: Whereabouts
    sight: Sight

    @property
    def author(self) -> AccountId | None:
        """Who wrote it, if anybody knows."""
        if self.card is not None:
            return self.card.author_id
        return next((place.item.author_id for place in self.found.places), self.found.author_id)

    @property
    def shown(self) -> list[Place]:
        """The places that pages show."""
        author = self.author
        if self.card is None or author is None or not self._may_be_seen(author):
            return []
        return [
            place
            for place in self.found.places
            if place.item.reposted_by_id is None or self.sight.of_doer(place.item.reposted_by_id)
        ]

    def refused(self) -> Absence | None:
        """What keeps even its author's name from the reader."""
        author, refusals = self.author, self.sight.refusals
        if self.found.deleted:
            return "deleted"
        if author is None:
            return None
        if self.sight.refused(author) or (refusals is not None and refusals.hidden(self.post_id)):
            return "unavailable"
        return "blocked" if author in self.sight.blocked else None

    def absences(self, *, follows: bool) -> Iterator[Absence]:
        """What else keeps it from the home."""
        author, card = self.author, self.card
        if author in self.sight.muted:
            yield "muted"
        if card is not None and card.is_reply and card.in_reply_to_author_id != author:
            yield "reply"
        if author not in (None, self.reader) and not follows:
            yield "not_followed"

    def _may_be_seen(self, author: AccountId) -> bool:
        return self.sight.of_post(self.post_id, author) and author not in self.sight.muted


class WhyInHome:
    """The endpoint of this resource."""

    def __init__(self, views: Views, projections: Projections) -> None:
        self._views = views
        self._projections = projections

    async def why(self, call: Call) -> Reply:
        """Answer for the reader's own home."""
        asked = await self._asked(call.account_id, PostId(call.query.post_id))
        refused = asked.refused()
        if refused is not None:
            return _reply(asked, None, None, (refused,))
        author, since = asked.author, None
        if author is not None:
            edge = await self._views.follower_graph.follow_of(asked.reader, author)
            since = None if edge is None else rfc3339(millis_of(edge))
        if asked.shown:
            return _reply(asked, author, since, ())
        absences = tuple(asked.absences(follows=since is not None))
        if absences:
            return _reply(asked, author, since, absences)
        return _reply(asked, author, since, ("not_projected",), await self._lag(asked))

    async def _asked(self, reader: AccountId, post_id: PostId) -> _Asked:
        cards = await self._views.post_cards.cards([post_id], reader)
        found = await self._views.home_timelines.find(reader, post_id)
        sight = sight_of(reader, self._views.refusals, mutes=True)
        return _Asked(reader, post_id, cards.get(post_id), found, sight)

    async def _lag(self, asked: _Asked) -> _Lag:
        """How far the views are behind. Raises PostNotFound if they would have the post."""
        status = [one for one in await self._projections.status() if one.name in ASKED]
        lag = _Lag(max(one.lag_events for one in status), max(one.lag_s for one in status))
        applied_ms = self._views.now_ms() - lag.seconds * 1_000 - CLOCKS_MS
        is_due = lag.events > 0 and (not lag.seconds or millis_of(asked.post_id) >= applied_ms)
        if asked.author is None and not is_due:
            raise PostNotFound
        return lag


def _reply(
    asked: _Asked,
    author: AccountId | None,
    since: str | None,
    absences: tuple[Absence, ...],
    lag: _Lag = _Lag(),  # noqa: B008 - it is immutable
) -> Reply:
    answer = Why(
        post_id=str(asked.post_id),
        author_id=None if author is None else str(author),
        shown=not absences,
        followed_since=since,
        places=() if absences else tuple(_place(asked.reader, place) for place in asked.shown),
        absent_because=absences,
        lag_events=lag.events,
        lag_seconds=lag.seconds,
    )
    return Reply(200, msgspec.json.encode(answer))


def _place(reader: AccountId, place: Place) -> WhyPlace:
    item, source = place
    reposter = item.reposted_by_id
    because: Because = "followed" if reposter is None else "reposted"
    doer = item.author_id if reposter is None else reposter
    pulled_because: PulledBecause | None = None if source == "pushed" else source
    return WhyPlace(
        item_id=str(item.item_id),
        reposted_by_id=None if reposter is None else str(reposter),
        because="own" if doer == reader else because,
        path="pulled" if pulled_because else "pushed",
        pulled_because=pulled_because,
    )


def routes(views: Views, projections: Projections) -> tuple[Route, ...]:
    """The routes of this resource. Tokens are not awaited: what lags is the answer."""
    return (
        Route(
            method="GET",
            path="/v1/timelines/home/why",
            endpoint=WhyInHome(views, projections).why,
            summary="Why a post is, or is not, in the reader's home",
            query=WhyQuery,
            answers={200: Why},
            errors=(404,),
            tag="timelines",
        ),
    )
