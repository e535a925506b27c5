"""How posts, accounts and hashtags fare, by hour or day."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from domain.errors import AccountNotFound, Invalid, NotAllowed, PostNotFound
from domain.hashtags import tag_key
from domain.ids import AccountId, PostId, millis_of, rfc3339
from projections.engagement import BUCKET_MS, Bucket, Tally, bucket_start, zero_filled
from read_api.hydration import cards_of
from read_api.sight import OF_ADMINISTRATORS, sight_of
from read_api.views import Views
from web.routing import Auth, Call, Endpoint, Reply, Route

BUCKETS_MAX: Final = 1_000
DEFAULT_SPAN_MS: Final = 7 * BUCKET_MS["day"]
ADMIN: Final = "admin"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Times outside of what the answer can be written in are moved to its edges.
_MS_MAX: Final = 253_402_300_799_000

Moment = Annotated[datetime, Meta(tz=True)]


class SpanQuery(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 3339 times. By default the last 7 days, for a post at most from its creation on."""

    since: Annotated[Moment | None, Meta(description="From the bucket that this moment is in")] = (
        msgspec.field(default=None, name="from")
    )
    to: Annotated[Moment | None, Meta(description="Up to, and without, this moment")] = None
    bucket: Bucket = "day"


class Metrics(msgspec.Struct, frozen=True):
    """What happened in the bucket that begins `at`."""

    at: str
    impressions: int
    likes: int
    reposts: int
    replies: int
    quotes: int
    follows: int


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Every bucket of the span, oldest first, also those in which nothing happened."""

    since: str = msgspec.field(name="from")
    to: str
    bucket: Bucket
    series: tuple[Metrics, ...]


class Span(NamedTuple):
    """Unix milliseconds; `from_ms` is where a bucket begins."""

    from_ms: int
    to_ms: int
    bucket: Bucket


class Analytics:
    """The endpoints of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def of_post(self, call: Call) -> Reply:
        """How a post fares: for its author and administrators."""
        post_id = PostId(call.path["id"])
        await self._admit_to_post(post_id, call)
        span = span_of(call.query, self._views.now_ms(), born_ms=millis_of(post_id))
        return _answer(await self._views.engagement.post_series(post_id, *span), span)

    async def of_account(self, call: Call) -> Reply:
        """How an account's posts fare, and the follows it gains: for its owner and
        administrators."""
        account_id = AccountId(call.path["id"])
        await self._admit_to_account(account_id, call)
        span = span_of(call.query, self._views.now_ms())
        return _answer(await self._views.engagement.account_series(account_id, *span), span)

    async def of_tag(self, call: Call) -> Reply:
        """How the posts with a hashtag fare: for anybody."""
        key = tag_key(call.path["tag"].removeprefix("#"))
        span = span_of(call.query, self._views.now_ms())
        return _answer(await self._views.engagement.tag_series(key, *span), span)

    async def _admit_to_post(self, post_id: PostId, call: Call) -> None:
        card = (await cards_of([post_id], self._views, OF_ADMINISTRATORS)).get(post_id)
        if card is None:
            raise PostNotFound
        if not _is_or_administers(card.author_id, call):
            # Who may not even see the post does not learn that it is there.
            sight = sight_of(call.account_id, self._views.refusals)
            raise NotAllowed if sight.of_post(post_id, card.author_id) else PostNotFound

    async def _admit_to_account(self, account_id: AccountId, call: Call) -> None:
        if not await self._views.account_directory.profiles([account_id]):
            raise AccountNotFound
        if not _is_or_administers(account_id, call):
            raise NotAllowed


def span_of(query: SpanQuery, now_ms: int, *, born_ms: int | None = None) -> Span:
    """The span asked for. Raises Invalid: it ends before it begins, or has too many buckets."""
    to_ms = now_ms if query.to is None else _ms(query.to)
    if query.since is None:
        from_ms = max(to_ms - DEFAULT_SPAN_MS, min(born_ms or 0, to_ms), 0)
    else:
        from_ms = _ms(query.since)
    if from_ms > to_ms:
        raise Invalid(("/from", "This is after `to`"))
    from_ms = bucket_start(from_ms, query.bucket)
    if to_ms - from_ms > BUCKETS_MAX * BUCKET_MS[query.bucket]:
        raise Invalid(("/from", f"At most {BUCKETS_MAX} buckets: ask for days, or for less"))
    return Span(from_ms, to_ms, query.bucket)


def _ms(moment: datetime) -> int:
    since_epoch = moment - _EPOCH
    ms = (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000
    return min(max(ms + since_epoch.microseconds // 1_000, 0), _MS_MAX)


def _is_or_administers(account_id: AccountId, call: Call) -> bool:
    identity = call.identity
    return identity is not None and (identity.account_id == account_id or ADMIN in identity.scopes)


def _answer(found: Sequence[Tally], span: Span) -> Reply:
    filled = zero_filled(found, *span)
    series = Series(
        since=rfc3339(span.from_ms),
        to=rfc3339(span.to_ms),
        bucket=span.bucket,
        series=tuple(Metrics(rfc3339(tally.at_ms), *tally[1:]) for tally in filled),
    )
    return Reply(200, msgspec.json.encode(series))


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    analytics = Analytics(views)

    def get(path: str, endpoint: Endpoint, summary: str, **further: Any) -> Route:
        return Route(
            method="GET",
            path=path,
            endpoint=endpoint,
            summary=summary,
            query=SpanQuery,
            answers={200: Series},
            tag="analytics",
            **further,
        )

    return (
        get(
            "/v1/analytics/posts/{id:id}",
            analytics.of_post,
            "How a post fares",
            uses=("engagement", "post_cards"),
            errors=(404,),
        ),
        get(
            "/v1/analytics/accounts/{id:id}",
            analytics.of_account,
            "How an account's posts fare",
            uses=("engagement", "account_directory"),
            errors=(404,),
        ),
        get(
            "/v1/analytics/tags/{tag}",
            analytics.of_tag,
            "How a hashtag fares",
            auth=Auth.OPTIONAL,
            uses=("engagement",),
        ),
    )
