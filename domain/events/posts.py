"""Facts about tweets, replies and reposts. A post's id is the event id of its creation."""

from typing import ClassVar

import msgspec

from domain.events.fact import Fact
from domain.ids import AccountId, ItemId, PostId
from domain.text import Hashtag, Url


class MentionOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """A handle in a text and whose it was when the text was written (None: nobody's). `silent`:
    a block stood between them and the author, so they are not told, not even after it."""

    handle: str
    account_id: AccountId | None
    start: int
    end: int
    silent: bool = False


class PostText(msgspec.Struct, frozen=True, omit_defaults=True):
    """A post's words and what was found in them; offsets in code points, end exclusive."""

    text: str
    hashtags: tuple[Hashtag, ...] = ()
    mentions: tuple[MentionOf, ...] = ()
    urls: tuple[Url, ...] = ()


class TweetPosted(Fact, frozen=True, kw_only=True):
    """`source` names where an imported post came from ("namespace:id")."""

    TYPE: ClassVar[str] = "tweet.posted"
    TOPIC: ClassVar[str] = "new_tweet"

    quote_of_id: PostId | None = None
    quote_of_author_id: AccountId | None = None
    source: str | None = None
    personal: PostText | None = None

    @property
    def post_id(self) -> PostId:
        return PostId(self.event_id)

    @property
    def stream(self) -> str:
        return f"post/{self.event_id}"


class TweetEdited(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "tweet.edited"
    TOPIC: ClassVar[str] = "new_tweet"
    APPENDED: ClassVar[bool] = True

    post_id: PostId
    personal: PostText | None = None

    @property
    def stream(self) -> str:
        return f"edits/{self.post_id}"


class TweetDeleted(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "tweet.deleted"
    TOPIC: ClassVar[str] = "new_tweet"

    post_id: PostId
    quote_of_id: PostId | None = None

    @property
    def stream(self) -> str:
        return f"post/{self.post_id}"


class ReplyPosted(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "reply.posted"
    TOPIC: ClassVar[str] = "new_reply"

    in_reply_to_id: PostId
    in_reply_to_author_id: AccountId
    conversation_id: PostId
    source: str | None = None
    personal: PostText | None = None

    @property
    def post_id(self) -> PostId:
        return PostId(self.event_id)

    @property
    def stream(self) -> str:
        return f"post/{self.event_id}"


class ReplyEdited(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "reply.edited"
    TOPIC: ClassVar[str] = "new_reply"
    APPENDED: ClassVar[bool] = True

    post_id: PostId
    personal: PostText | None = None

    @property
    def stream(self) -> str:
        return f"edits/{self.post_id}"


class ReplyDeleted(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "reply.deleted"
    TOPIC: ClassVar[str] = "new_reply"

    post_id: PostId
    in_reply_to_id: PostId
    conversation_id: PostId

    @property
    def stream(self) -> str:
        return f"post/{self.post_id}"


class RepostAdded(Fact, frozen=True, kw_only=True):
    """The repost's own id, its place in timelines, is the event id."""

    TYPE: ClassVar[str] = "repost.added"
    TOPIC: ClassVar[str] = "new_tweet"

    post_id: PostId
    post_author_id: AccountId

    @property
    def stream(self) -> str:
        return f"repost/{self.actor_id}/{self.post_id}"


class RepostRemoved(Fact, frozen=True, kw_only=True):
    """`repost_id` is the repost that was taken back, as timelines have it; None in older events."""

    TYPE: ClassVar[str] = "repost.removed"
    TOPIC: ClassVar[str] = "new_tweet"

    post_id: PostId
    post_author_id: AccountId
    repost_id: ItemId | None = None

    @property
    def stream(self) -> str:
        return f"repost/{self.actor_id}/{self.post_id}"


PostPosted = TweetPosted | ReplyPosted
PostEdited = TweetEdited | ReplyEdited
PostDeleted = TweetDeleted | ReplyDeleted
