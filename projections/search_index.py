"""The search index: posts by what they say, people by handle and name.

What is said is kept as the terms of `domain.search_terms`, and asked for as a parsed query
(`domain.search_query`), so that every engine finds the same posts. A post is one register: its
creation is version 1, every edit one more.
"""

from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from domain.events import (
    AccountClosed,
    AccountOpened,
    PostEdited,
    PostPosted,
    Profile,
    ProfileChanged,
    Recorded,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.ids import AccountId, PostId
from domain.search_query import PeopleQuery, PostQuery
from domain.search_terms import search_terms, terms_around
from projections.projection import Projection, Store
from projections.windows import Window

RANKED_MAX: Final = 1_000  # a ranked list ends there

IdT = TypeVar("IdT", bound=int)


class IndexPost(NamedTuple):
    """What a post says from `version` on: its terms, joined by spaces, and whether it has links."""

    post_id: PostId
    author_id: AccountId
    version: int
    terms: str
    has_links: bool


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post."""

    post_id: PostId


class IndexPerson(NamedTuple):
    """What an account is called from `version` on: the handle lower-cased, the name's terms."""

    account_id: AccountId
    version: int
    handle: str
    name_terms: str


class DropPerson(NamedTuple):
    """The account is closed: absorbing. It and its posts are gone."""

    account_id: AccountId


Operation = IndexPost | DropPost | IndexPerson | DropPerson


class Rank(NamedTuple):
    """Where a ranked list goes on: an offset among the ids up to `ceiling`, the newest there was
    when the list was begun, so that what is new does not shift its pages."""

    ceiling: int
    offset: int


class Found(NamedTuple, Generic[IdT]):
    """A page of a ranked list, best first; `next` is None at its end."""

    ids: Sequence[IdT]
    next: Rank | None


class SearchIndex(Store[Operation], Protocol):
    """Where the index is kept."""

    async def newest_posts(self, query: PostQuery, window: Window, limit: int) -> Sequence[PostId]:
        """The posts that hold all of the query, newest first."""

    async def relevant_posts(
        self, query: PostQuery, after: Rank | None, limit: int
    ) -> Found[PostId]:
        """The posts that hold any of the query's words and all the rest of it, best first.

        At most RANKED_MAX in all; of very many, the engine may rank the newest only. Rare words
        count more than common ones; of equals the newest is first.
        """

    async def accounts(
        self, query: PeopleQuery, after: Rank | None, limit: int
    ) -> Found[AccountId]:
        """The very handle first, then handles that begin so (in their order), then names (oldest
        account first). At most RANKED_MAX in all."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch. A text or name that was erased is not indexed."""
    operations: list[Operation] = []
    for event, version, _, _ in batch:
        match event:
            case TweetPosted() | ReplyPosted():
                operations += _index(event, 1)
            case TweetEdited() | ReplyEdited():
                operations += _index(event, 1 + version)
            case TweetDeleted() | ReplyDeleted():
                operations.append(DropPost(event.post_id))
            case AccountOpened() | ProfileChanged():
                operations += _index_person(event.actor_id, version, event.personal)
            case AccountClosed():
                operations.append(DropPerson(event.actor_id))
            case _:
                pass
    return operations


def _index(event: PostPosted | PostEdited, version: int) -> list[Operation]:
    content = event.personal
    if content is None:
        return []
    tags = [tag.tag for tag in content.hashtags]
    handles = [mention.handle for mention in content.mentions]
    terms = " ".join(terms_around(content.text, content.urls, tags, handles))
    return [IndexPost(event.post_id, event.actor_id, version, terms, bool(content.urls))]


def _index_person(account_id: AccountId, version: int, profile: Profile | None) -> list[Operation]:
    if profile is None:
        return []
    names = " ".join(search_terms(profile.display_name))
    return [IndexPerson(account_id, version, profile.handle.lower(), names)]


SEARCH_INDEX: Final = Projection(
    name="search_index",
    version=1,
    events=frozenset(
        {
            TweetPosted,
            ReplyPosted,
            TweetEdited,
            ReplyEdited,
            TweetDeleted,
            ReplyDeleted,
            AccountOpened,
            ProfileChanged,
            AccountClosed,
        }
    ),
    project=project,
    rest_s=0.25,
)
