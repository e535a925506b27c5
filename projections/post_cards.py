"""Posts as clients see them, with their counts, versions and who liked, reposted, bookmarked them.

A card is kept as the JSON members that clients get, so that a page is joined, not encoded. A like,
repost or bookmark is one register for each (account, post): the highest event id decides, and is
also its place in lists (these events are published, so their version is their id).
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from domain.events import (
    AccountClosed,
    BookmarkAdded,
    BookmarkRemoved,
    Event,
    LikeAdded,
    LikeRemoved,
    PostEdited,
    PostText,
    Recorded,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.ids import AccountId, EventId, PostId, millis_of
from domain.objects import PostCounts, birth_members, text_members
from projections.projection import Projection, Store


class AddPost(NamedTuple):
    """A post as posted. `birth` and `text` are JSON members; `text` is version 1."""

    post_id: PostId
    author_id: AccountId
    in_reply_to_id: PostId | None
    in_reply_to_author_id: AccountId | None
    conversation_id: PostId
    quote_of_id: PostId | None
    quote_of_author_id: AccountId | None
    birth: bytes
    text: bytes


class EditPost(NamedTuple):
    """A later version (2 and up) of a post's text: the highest is shown, all are kept."""

    post_id: PostId
    author_id: AccountId
    version: int
    event_id: EventId
    text: bytes


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post."""

    post_id: PostId


class SetLike(NamedTuple):
    """Whether an account likes a post, as of `event_id`."""

    account_id: AccountId
    post_id: PostId
    event_id: EventId
    on: bool


class SetRepost(NamedTuple):
    """Whether an account reposts a post, as of `event_id`."""

    account_id: AccountId
    post_id: PostId
    event_id: EventId
    on: bool


class SetBookmark(NamedTuple):
    """Whether an account bookmarks a post, as of `event_id`."""

    account_id: AccountId
    post_id: PostId
    event_id: EventId
    on: bool


class DropAccount(NamedTuple):
    """The account is closed: absorbing. Its posts, texts and reactions are gone."""

    account_id: AccountId


Operation = AddPost | EditPost | DropPost | SetLike | SetRepost | SetBookmark | DropAccount


class Card(NamedTuple):
    """A post ready to be joined into a page: `objects.post_json(members, viewer)`.

    `members` are those that do not depend on the reader; `viewer` is a JSON object that says
    what the reader did with the post, nothing without a reader.
    """

    post_id: PostId
    author_id: AccountId
    in_reply_to_id: PostId | None
    in_reply_to_author_id: AccountId | None
    conversation_id: PostId
    quote_of_id: PostId | None
    quote_of_author_id: AccountId | None
    version: int
    members: bytes
    viewer: bytes

    @property
    def is_reply(self) -> bool:
        """Whether it is a reply, not a tweet."""
        return self.in_reply_to_id is not None


class PostVersion(NamedTuple):
    """One version of a post's text: when it was written (Unix ms), and its JSON members."""

    version: int
    written_at_ms: int
    text: bytes


class Reaction(NamedTuple):
    """Somebody's like or repost; lists are sorted and paged by `event_id`."""

    event_id: EventId
    account_id: AccountId


class Bookmark(NamedTuple):
    """A bookmarked post; lists are sorted and paged by `event_id`."""

    event_id: EventId
    post_id: PostId


class PostCards(Store[Operation], Protocol):
    """Where post cards are kept. Posts that are deleted, or whose author's account is closed, are
    not there, nor are the doings of closed accounts."""

    async def cards(
        self, post_ids: Sequence[PostId], reader_id: AccountId | None
    ) -> Mapping[PostId, Card]:
        """The cards of those posts that are there."""

    async def counts(self, post_id: PostId) -> PostCounts:
        """How many live posts reply to it or quote it, and accounts like or repost it; zeros if
        it is not there."""

    async def history(
        self, post_id: PostId, limit: int, *, after: int = 0
    ) -> Sequence[PostVersion]:
        """Versions above `after`, oldest first; none if the post is not there."""

    async def likers(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """Who likes it, newest like first, below `before`; none if the post is not there."""

    async def reposters(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """Who reposts it, newest repost first, below `before`; none if the post is not there."""

    async def bookmarks(
        self, account_id: AccountId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Bookmark]:
        """The account's bookmarked posts that are there, newest bookmark first, below `before`."""


def counts_json(replies: int, reposts: int, likes: int, quotes: int) -> bytes:
    """Counts as clients get them."""
    return b'{"replies":%d,"reposts":%d,"likes":%d,"quotes":%d}' % (replies, reposts, likes, quotes)


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    operations: list[Operation] = []
    for event, version, _, _ in batch:
        match event:
            case TweetPosted():
                operations.append(_tweet(event))
            case ReplyPosted():
                operations.append(_reply(event))
            case TweetEdited() | ReplyEdited():
                operations.append(_edit(event, 1 + version))
            case TweetDeleted() | ReplyDeleted():
                operations.append(DropPost(event.post_id))
            case (
                LikeAdded()
                | LikeRemoved()
                | RepostAdded()
                | RepostRemoved()
                | BookmarkAdded()
                | BookmarkRemoved()
            ):
                register, on = _REGISTERS[type(event)]
                operations.append(register(event.actor_id, event.post_id, event.event_id, on))
            case AccountClosed():
                operations.append(DropAccount(event.actor_id))
            case _:
                pass
    return operations


def _tweet(tweet: TweetPosted) -> AddPost:
    return AddPost(
        tweet.post_id,
        tweet.actor_id,
        None,
        None,
        tweet.post_id,
        tweet.quote_of_id,
        tweet.quote_of_author_id,
        birth_members(tweet),
        text_members(tweet.personal or _ERASED, version=1, edited_at_ms=None),
    )


def _reply(reply: ReplyPosted) -> AddPost:
    return AddPost(
        reply.post_id,
        reply.actor_id,
        reply.in_reply_to_id,
        reply.in_reply_to_author_id,
        reply.conversation_id,
        None,
        None,
        birth_members(reply),
        text_members(reply.personal or _ERASED, version=1, edited_at_ms=None),
    )


def _edit(edit: PostEdited, version: int) -> EditPost:
    edited_at_ms = millis_of(edit.event_id)
    text = text_members(edit.personal or _ERASED, version=version, edited_at_ms=edited_at_ms)
    return EditPost(edit.post_id, edit.actor_id, version, edit.event_id, text)


# A person's words are gone for ever shortly before their closing takes the rest away.
_ERASED: Final = PostText("")
_REGISTERS: Final[Mapping[type[Event], tuple[type[SetLike | SetRepost | SetBookmark], bool]]] = {
    LikeAdded: (SetLike, True),
    LikeRemoved: (SetLike, False),
    RepostAdded: (SetRepost, True),
    RepostRemoved: (SetRepost, False),
    BookmarkAdded: (SetBookmark, True),
    BookmarkRemoved: (SetBookmark, False),
}

POST_CARDS: Final = Projection(
    name="post_cards",
    version=1,
    events=frozenset(
        {
            TweetPosted,
            TweetEdited,
            TweetDeleted,
            ReplyPosted,
            ReplyEdited,
            ReplyDeleted,
            AccountClosed,
            *_REGISTERS,
        }
    ),
    project=project,
)
