"""Trending hashtags: those that many people use now, compared with how many usually do.

A use counts in the hour of the post's own time, so importing old posts trends nothing, and a
person counts once per tag and hour, however much they post. The score of a tag at `now` is
    (recent - usual) / sqrt(usual + 1)
where `recent` is people per hour over the last 24 hours, an hour's weight halving every
HALF_LIFE_H, and `usual` what the mean hour of the week before would have given with the same
weights. Uses are kept for good: which ones a query needs depends on its `now`, so forgetting some
would make answers depend on the order of arrival.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple, Protocol

from domain.events import (
    AccountClosed,
    PostEdited,
    PostPosted,
    Recorded,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.hashtags import tag_key
from domain.ids import AccountId, PostId, millis_of
from projections.projection import Projection, Store

HOUR_MS: Final = 3_600_000
RECENT_H: Final = 24
USUAL_DAYS: Final = 7
HALF_LIFE_H: Final = 4
CANDIDATES_MAX: Final = 50  # of each hour, the most used
WEIGHTS: Final = tuple(0.5 ** (age_h / HALF_LIFE_H) for age_h in range(RECENT_H))


class SetTags(NamedTuple):
    """Which tags a post has from `version` on: key -> the form it is written in, each once."""

    post_id: PostId
    author_id: AccountId
    hour: int  # of the post's time: Unix time in whole hours
    version: int
    tags: tuple[tuple[str, str], ...]


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post."""

    post_id: PostId


class DropAuthor(NamedTuple):
    """The account is closed: absorbing. Its posts count no more."""

    account_id: AccountId


Operation = SetTags | DropPost | DropAuthor


class Trend(NamedTuple):
    """A tag in the form most posts write it, and the posts of the last 24 hours that have it."""

    tag: str
    posts: int
    score: float


class Trends(Store[Operation], Protocol):
    """Where the uses of hashtags are kept."""

    async def top(self, now_ms: int, limit: int) -> Sequence[Trend]:
        """The tags of the highest scores (above 0) at a moment, Unix milliseconds; of equals, in
        the order of their keys. Each hour's CANDIDATES_MAX most used tags are considered."""


def score(recent: float, usual: float) -> float:
    """How much a tag trends, to three decimals."""
    return round((recent - usual) / sqrt(usual + 1), 3)


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch. A post without tags is nothing, but an edit may end tags."""
    operations: list[Operation] = []
    for event, version, _, _ in batch:
        match event:
            case TweetPosted() | ReplyPosted():
                if event.personal and event.personal.hashtags:
                    operations.append(_set_tags(event, 1))
            case TweetEdited() | ReplyEdited():
                operations.append(_set_tags(event, 1 + version))
            case TweetDeleted() | ReplyDeleted():
                operations.append(DropPost(event.post_id))
            case AccountClosed():
                operations.append(DropAuthor(event.actor_id))
            case _:
                pass
    return operations


def _set_tags(event: PostPosted | PostEdited, version: int) -> SetTags:
    written = event.personal.hashtags if event.personal else ()
    tags: dict[str, str] = {}
    for hashtag in written:
        tags.setdefault(tag_key(hashtag.tag), hashtag.tag)
    hour = millis_of(event.post_id) // HOUR_MS
    return SetTags(event.post_id, event.actor_id, hour, version, tuple(tags.items()))


TRENDS: Final = Projection(
    name="trends",
    version=1,
    events=frozenset(
        {
            TweetPosted,
            ReplyPosted,
            TweetEdited,
            ReplyEdited,
            TweetDeleted,
            ReplyDeleted,
            AccountClosed,
        }
    ),
    project=project,
    rest_s=0.25,
)
