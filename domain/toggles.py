"""Toggles: what is on or off (a like, a suspension ...); its newest event says which."""

from typing import Final

from domain.events import (
    AccountReinstated,
    AccountSuspended,
    BookmarkAdded,
    BookmarkRemoved,
    LikeAdded,
    LikeRemoved,
    PostHidden,
    PostRestored,
    Recorded,
    RepostAdded,
    RepostRemoved,
)
from domain.ids import AccountId, PostId

Reaction = LikeAdded | LikeRemoved | RepostAdded | RepostRemoved | BookmarkAdded | BookmarkRemoved
Measure = AccountSuspended | AccountReinstated | PostHidden | PostRestored
Toggle = Reaction | Measure

_ON: Final = (LikeAdded, RepostAdded, BookmarkAdded, AccountSuspended, PostHidden)


def is_on(latest: Recorded | None) -> bool:
    """Whether the toggle whose newest event is `latest` (None: it has none) is on."""
    return latest is not None and isinstance(latest.event, _ON)


def changes(event: Toggle, latest: Recorded | None) -> bool:
    """Whether `event` changes anything: liking twice does not, nor does unliking what is not."""
    return isinstance(event, _ON) is not is_on(latest)


def like_of(actor_id: AccountId, post_id: PostId) -> str:
    """The register of an account's like of a post."""
    return f"like/{actor_id}/{post_id}"


def repost_of(actor_id: AccountId, post_id: PostId) -> str:
    """The register of an account's repost of a post."""
    return f"repost/{actor_id}/{post_id}"


def bookmark_of(actor_id: AccountId, post_id: PostId) -> str:
    """The register of an account's bookmark of a post."""
    return f"bookmark/{actor_id}/{post_id}"
