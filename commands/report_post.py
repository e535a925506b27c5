"""Report a post to the moderators."""

import msgspec

from commands import answers
from commands.guards import admit, load_post
from commands.handling import Decision
from commands.ports import Ports
from domain import moderation
from domain.events import ReportComment, ReportFiled
from domain.ids import AccountId, PostId


class ReportPost(msgspec.Struct, frozen=True, kw_only=True):
    reporter_id: AccountId
    post_id: PostId
    reason: str
    comment: str = ""


async def report_post(command: ReportPost, ports: Ports) -> Decision:
    """Also across a block: that is when there is something to report.

    Raises Invalid, Suspended, PostNotFound.
    """
    admit(command.reporter_id, ports)
    moderation.check_report(command.reason, command.comment)
    post = await load_post(command.post_id, ports)
    listed = command.reason in moderation.REPORT_REASONS
    words = ReportComment(command.comment, "" if listed else command.reason)
    filed = ReportFiled(
        event_id=ports.stamps.event_id(),
        actor_id=command.reporter_id,
        post_id=post.post_id,
        post_author_id=post.author_id,
        reason=command.reason if listed else "other",
        personal=words if words.comment or words.reason else None,
    )
    return Decision(answers.report_filed(filed), publish=(filed,))
