"""Facts about what a reader did with a post. Each (actor, post) is one register per family."""

from typing import ClassVar

from domain.events.fact import Fact
from domain.ids import AccountId, PostId


class LikeAdded(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "like.added"
    TOPIC: ClassVar[str] = "analytics_events"

    post_id: PostId
    post_author_id: AccountId

    @property
    def stream(self) -> str:
        return f"like/{self.actor_id}/{self.post_id}"


class LikeRemoved(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "like.removed"
    TOPIC: ClassVar[str] = "analytics_events"

    post_id: PostId
    post_author_id: AccountId

    @property
    def stream(self) -> str:
        return f"like/{self.actor_id}/{self.post_id}"


class BookmarkAdded(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bookmark.added"
    TOPIC: ClassVar[str] = "analytics_events"

    post_id: PostId

    @property
    def stream(self) -> str:
        return f"bookmark/{self.actor_id}/{self.post_id}"


class BookmarkRemoved(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bookmark.removed"
    TOPIC: ClassVar[str] = "analytics_events"

    post_id: PostId

    @property
    def stream(self) -> str:
        return f"bookmark/{self.actor_id}/{self.post_id}"


class ImpressionsRecorded(Fact, frozen=True, kw_only=True):
    """The actor was shown these posts (each once per event)."""

    TYPE: ClassVar[str] = "impression.recorded"
    TOPIC: ClassVar[str] = "analytics_events"

    post_ids: tuple[PostId, ...]

    @property
    def stream(self) -> str:
        return f"impression/{self.event_id}"
