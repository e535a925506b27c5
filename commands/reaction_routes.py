"""The commands of readers: react to posts, see and report them, read notifications."""

from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from commands.answers import FiledReport
from commands.bookmark_post import BookmarkPost, RemoveBookmark, bookmark_post, remove_bookmark
from commands.endpoints import CommandT, Handler, answering, command_route
from commands.like_post import LikePost, UnlikePost, like_post, unlike_post
from commands.mark_notifications_read import MarkNotificationsRead, mark_notifications_read
from commands.ports import Ports
from commands.record_impressions import RecordImpressions, record_impressions
from commands.report_post import ReportPost, report_post
from commands.repost_post import RemoveRepost, RepostPost, remove_repost, repost_post
from domain.ids import ItemId, PostId
from domain.moderation import (
    COMMENT_CHARS_MAX,
    REPORT_REASON_CHARS_MAX,
    REPORT_REASONS,
    WORDS_PATTERN,
)
from web.ids import IdText, id_of
from web.routing import Call, Route

TAG: Final = "reactions"
IMPRESSIONS_MAX: Final = 100
_MISSING: Final = frozenset({404})


class NewReport(msgspec.Struct, forbid_unknown_fields=True):
    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=REPORT_REASON_CHARS_MAX,
            pattern=WORDS_PATTERN,
            description=f"{', '.join(REPORT_REASONS)}, or one's own words",
        ),
    ]
    comment: Annotated[str, Meta(max_length=COMMENT_CHARS_MAX, pattern=WORDS_PATTERN)] = ""


class Impressions(msgspec.Struct, forbid_unknown_fields=True):
    """Posts that the reader was shown."""

    post_ids: Annotated[tuple[IdText, ...], Meta(min_length=1, max_length=IMPRESSIONS_MAX)]


class ReadMark(msgspec.Struct, forbid_unknown_fields=True):
    """The newest notification that was read."""

    up_to_id: IdText


def routes(ports: Ports) -> tuple[Route, ...]:
    """Everything that a reader does with posts and notifications."""

    def toggle(
        method: str,
        name: str,
        kind: Callable[..., CommandT],
        handler: Handler[CommandT],
        summary: str,
    ) -> Route:
        return command_route(
            method,
            f"/v1/posts/{{id:id}}/{name}",
            answering(handler, _on_post(kind), ports),
            summary,
            answers={204: None},
            errors=_MISSING,
            tag=TAG,
        )

    return (
        toggle("PUT", "like", LikePost, like_post, "Like a post"),
        toggle("DELETE", "like", UnlikePost, unlike_post, "Like a post no more"),
        toggle("PUT", "repost", RepostPost, repost_post, "Repost a post"),
        toggle("DELETE", "repost", RemoveRepost, remove_repost, "Take back a repost"),
        toggle("PUT", "bookmark", BookmarkPost, bookmark_post, "Bookmark a post"),
        toggle("DELETE", "bookmark", RemoveBookmark, remove_bookmark, "Remove a bookmark"),
        command_route(
            "POST",
            "/v1/posts/{id:id}/reports",
            answering(report_post, _report_post, ports),
            "Report a post to the moderators",
            body=NewReport,
            answers={201: FiledReport},
            errors=_MISSING,
            tag=TAG,
        ),
        command_route(
            "POST",
            "/v1/impressions",
            answering(record_impressions, _record_impressions, ports),
            "Record which posts one was shown, for analytics",
            body=Impressions,
            answers={202: None},
            tag="analytics",
        ),
        command_route(
            "PUT",
            "/v1/notifications/read",
            answering(mark_notifications_read, _mark_notifications_read, ports),
            "Mark notifications as read, up to one of them",
            body=ReadMark,
            answers={204: None},
            tag="notifications",
        ),
    )


def _on_post(kind: Callable[..., CommandT]) -> Callable[[Call], CommandT]:
    return lambda call: kind(actor_id=call.account_id, post_id=call.path["id"])


def _report_post(call: Call) -> ReportPost:
    body: NewReport = call.body
    return ReportPost(
        reporter_id=call.account_id,
        post_id=call.path["id"],
        reason=body.reason,
        comment=body.comment,
    )


def _record_impressions(call: Call) -> RecordImpressions:
    body: Impressions = call.body
    post_ids = tuple(PostId(id_of(text)) for text in body.post_ids)
    return RecordImpressions(reader_id=call.account_id, post_ids=post_ids)


def _mark_notifications_read(call: Call) -> MarkNotificationsRead:
    body: ReadMark = call.body
    return MarkNotificationsRead(account_id=call.account_id, up_to_id=ItemId(id_of(body.up_to_id)))
