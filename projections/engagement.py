"""Engagement: what happened to posts, per post, author and hashtag, by hour and day.

A like or repost counts in the hour in which it was given, and an unlike takes it away from that
hour again; a reply or quote counts in the hour in which it was posted, while it lives; a follow in
the hour in which it began, while it lasts. An impression counts for good: it keeps nobody's name.
Author and tag series are the sums over the posts that live; a tag's are over the posts that have it
now, whenever an edit gave it to them. In operations, `hour` is Unix time in whole hours.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountUnfollowed,
    Event,
    ImpressionsRecorded,
    LikeAdded,
    LikeRemoved,
    PostEdited,
    PostPosted,
    Recorded,
    RelationshipFact,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.hashtags import tag_key
from domain.ids import AccountId, EventId, PostId, millis_of
from projections.projection import Projection, Store

Bucket = Literal["hour", "day"]
BUCKET_MS: Final[Mapping[Bucket, int]] = {"hour": 3_600_000, "day": 86_400_000}  # UTC


class DescribePost(NamedTuple):
    """Whose a post is, and the keys of the tags it has from `version` on."""

    post_id: PostId
    author_id: AccountId
    version: int
    tags: tuple[str, ...]


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post. What it was counted as
    (a reply or a quote of another post) goes with it."""

    post_id: PostId


class CountImpression(NamedTuple):
    """A post was shown; the event tells one time from another."""

    post_id: PostId
    event_id: EventId
    hour: int


class CountPost(NamedTuple):
    """A post is a reply to another post, or quotes it."""

    target_id: PostId
    metric: Literal["replies", "quotes"]
    post_id: PostId
    author_id: AccountId
    hour: int


class SetReaction(NamedTuple):
    """Whether an account likes or reposts a post, and since when."""

    target_id: PostId
    metric: Literal["likes", "reposts"]
    account_id: AccountId
    on: bool
    hour: int
    version: int


class SetFollow(NamedTuple):
    """Whether an account follows another, and since when."""

    followee_id: AccountId
    follower_id: AccountId
    on: bool
    hour: int
    version: int


class DropAccount(NamedTuple):
    """The account is closed: absorbing. Its posts, reactions and follows are gone."""

    account_id: AccountId


Operation = (
    DescribePost | DropPost | CountImpression | CountPost | SetReaction | SetFollow | DropAccount
)


class Tally(NamedTuple):
    """What happened in the bucket that begins at `at_ms`, Unix milliseconds."""

    at_ms: int
    impressions: int = 0
    likes: int = 0
    reposts: int = 0
    replies: int = 0
    quotes: int = 0
    follows: int = 0


class Engagement(Store[Operation], Protocol):
    """Where the analytics tables are kept.

    A series has the buckets in which anything happened, oldest first, from the one of `from_ms` to
    the last that begins before `to_ms`; the caller bounds that span. `zero_filled` adds the others.
    """

    async def post_series(
        self, post_id: PostId, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """What happened to a post that lives."""

    async def account_series(
        self, account_id: AccountId, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """What happened to an account's posts, and the follows it gained."""

    async def tag_series(
        self, key: str, from_ms: int, to_ms: int, bucket: Bucket
    ) -> Sequence[Tally]:
        """What happened to the posts that have a tag; `key` is its `domain.hashtags.tag_key`."""


def bucket_start(at_ms: int, bucket: Bucket) -> int:
    """Where the bucket of a moment begins, Unix milliseconds."""
    return at_ms - at_ms % BUCKET_MS[bucket]


def zero_filled(
    series: Sequence[Tally], from_ms: int, to_ms: int, bucket: Bucket
) -> Sequence[Tally]:
    """The series of that span with every bucket of it."""
    found = {tally.at_ms: tally for tally in series}
    starts = range(bucket_start(from_ms, bucket), to_ms, BUCKET_MS[bucket])
    return [found.get(at_ms) or Tally(at_ms) for at_ms in starts]


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    return [operation for record in batch for operation in _operations(record)]


def _operations(record: Recorded) -> Sequence[Operation]:
    event, version = record.event, record.version
    found: Sequence[Operation] = ()
    match event:
        case TweetPosted() | ReplyPosted():
            found = _post(event)
        case TweetEdited() | ReplyEdited():
            found = [_describe(event, 1 + version)]
        case TweetDeleted() | ReplyDeleted():
            found = [DropPost(event.post_id)]
        case ImpressionsRecorded():
            found = [CountImpression(seen, event.event_id, _hour(event)) for seen in event.post_ids]
        case LikeAdded() | LikeRemoved() | RepostAdded() | RepostRemoved():
            found = [_reaction(event, version)]
        case AccountFollowed() | AccountUnfollowed() | AccountBlocked():
            found = _follows(event, version)
        case AccountClosed():
            found = [DropAccount(event.actor_id)]
        case _:
            pass
    return found


def _post(event: PostPosted) -> list[Operation]:
    post_id, author_id, hour = event.post_id, event.actor_id, _hour(event)
    operations: list[Operation] = [_describe(event, 1)]
    if isinstance(event, ReplyPosted):
        operations.append(CountPost(event.in_reply_to_id, "replies", post_id, author_id, hour))
    elif event.quote_of_id is not None:
        operations.append(CountPost(event.quote_of_id, "quotes", post_id, author_id, hour))
    return operations


def _describe(event: PostPosted | PostEdited, version: int) -> DescribePost:
    written = event.personal.hashtags if event.personal else ()
    tags = tuple(dict.fromkeys(tag_key(hashtag.tag) for hashtag in written))
    return DescribePost(event.post_id, event.actor_id, version, tags)


def _reaction(
    event: LikeAdded | LikeRemoved | RepostAdded | RepostRemoved, version: int
) -> SetReaction:
    return SetReaction(
        event.post_id,
        "likes" if isinstance(event, LikeAdded | LikeRemoved) else "reposts",
        event.actor_id,
        isinstance(event, LikeAdded | RepostAdded),
        _hour(event),
        version,
    )


def _follows(event: RelationshipFact, version: int) -> list[Operation]:
    """Both directions of a block, the actor's own of a follow: a mute keeps a follow's time."""
    actor, target, hour = event.actor_id, event.target_id, _hour(event)
    following = event.standing_of(actor).follows
    operations: list[Operation] = [SetFollow(target, actor, following, hour, version)]
    if isinstance(event, AccountBlocked):
        followed = event.standing_of(target).follows
        operations.append(SetFollow(actor, target, followed, hour, version))
    return operations


def _hour(event: Event) -> int:
    return millis_of(event.event_id) // BUCKET_MS["hour"]


ENGAGEMENT: Final = Projection(
    name="engagement",
    version=1,
    events=frozenset(
        {
            TweetPosted,
            ReplyPosted,
            TweetEdited,
            ReplyEdited,
            TweetDeleted,
            ReplyDeleted,
            ImpressionsRecorded,
            LikeAdded,
            LikeRemoved,
            RepostAdded,
            RepostRemoved,
            AccountFollowed,
            AccountUnfollowed,
            AccountBlocked,
            AccountClosed,
        }
    ),
    project=project,
    rest_s=0.25,
)
