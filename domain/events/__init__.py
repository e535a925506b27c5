"""Every fact the system records, by family. `Event` is the closed set; `TYPES` the allow-list.

Suggested reading: `fact.py`, then `posts.py`.
"""

from typing import Final, NamedTuple

from domain.events.accounts import (
    AccountClosed,
    AccountErased,
    AccountOpened,
    HandleClaimed,
    HandleReleased,
    NotificationsRead,
    Profile,
    ProfileChanged,
    RoleGranted,
)
from domain.events.fact import Fact
from domain.events.moderation import (
    AccountReinstated,
    AccountSuspended,
    AdminActed,
    PostHidden,
    PostRestored,
    ReportComment,
    ReportFiled,
    ReportResolved,
)
from domain.events.posts import (
    MentionOf,
    PostDeleted,
    PostEdited,
    PostPosted,
    PostText,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.events.reactions import (
    BookmarkAdded,
    BookmarkRemoved,
    ImpressionsRecorded,
    LikeAdded,
    LikeRemoved,
)
from domain.events.relationships import (
    AccountBlocked,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    PairState,
    RelationshipFact,
    Standing,
)

Event = Fact

TYPES: Final[dict[str, type[Fact]]] = {
    event.TYPE: event
    for event in (
        TweetPosted,
        TweetEdited,
        TweetDeleted,
        ReplyPosted,
        ReplyEdited,
        ReplyDeleted,
        RepostAdded,
        RepostRemoved,
        LikeAdded,
        LikeRemoved,
        BookmarkAdded,
        BookmarkRemoved,
        ImpressionsRecorded,
        AccountFollowed,
        AccountUnfollowed,
        AccountBlocked,
        AccountUnblocked,
        AccountMuted,
        AccountUnmuted,
        AccountOpened,
        ProfileChanged,
        AccountClosed,
        AccountErased,
        RoleGranted,
        NotificationsRead,
        HandleClaimed,
        HandleReleased,
        ReportFiled,
        ReportResolved,
        AccountSuspended,
        AccountReinstated,
        PostHidden,
        PostRestored,
        AdminActed,
    )
}


class Recorded(NamedTuple):
    """An event as the log gives it back.

    `version` is intrinsic to the event and decides between events of one register: the stream
    version if it was appended, the event id if it was published. `position` is where this copy
    stands in `partition`, and is only for checkpoints.
    """

    event: Event
    version: int
    position: int
    partition: int = 0


__all__ = [
    "TYPES",
    "AccountBlocked",
    "AccountClosed",
    "AccountErased",
    "AccountFollowed",
    "AccountMuted",
    "AccountOpened",
    "AccountReinstated",
    "AccountSuspended",
    "AccountUnblocked",
    "AccountUnfollowed",
    "AccountUnmuted",
    "AdminActed",
    "BookmarkAdded",
    "BookmarkRemoved",
    "Event",
    "Fact",
    "HandleClaimed",
    "HandleReleased",
    "ImpressionsRecorded",
    "LikeAdded",
    "LikeRemoved",
    "MentionOf",
    "NotificationsRead",
    "PairState",
    "PostDeleted",
    "PostEdited",
    "PostHidden",
    "PostPosted",
    "PostRestored",
    "PostText",
    "Profile",
    "ProfileChanged",
    "Recorded",
    "RelationshipFact",
    "ReplyDeleted",
    "ReplyEdited",
    "ReplyPosted",
    "ReportComment",
    "ReportFiled",
    "ReportResolved",
    "RepostAdded",
    "RepostRemoved",
    "RoleGranted",
    "Standing",
    "TweetDeleted",
    "TweetEdited",
    "TweetPosted",
]
