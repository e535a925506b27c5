"""Reply to a tweet or to another reply."""

import msgspec

from commands import answers
from commands.guards import admit, load_reachable_post
from commands.handling import Decision
from commands.mentions import content_of
from commands.ports import Ports
from domain import replies
from domain.ids import AccountId, PostId


class ReplyToPost(msgspec.Struct, frozen=True, kw_only=True):
    """`post_id` and `source` are given by imports, which bring their own times."""

    author_id: AccountId
    in_reply_to_id: PostId
    text: str
    post_id: PostId | None = None
    source: str | None = None


async def reply_to_post(command: ReplyToPost, ports: Ports) -> Decision:
    """Raises Invalid, Suspended, PostNotFound (the parent), Blocked."""
    admit(command.author_id, ports)
    content = await content_of(command.text, command.author_id, ports)
    parent = await load_reachable_post(command.in_reply_to_id, command.author_id, ports)
    event = replies.post(
        content,
        post_id=command.post_id or PostId(ports.stamps.event_id()),
        author_id=command.author_id,
        parent=parent,
        source=command.source,
    )
    return Decision(answers.post_created(event), publish=(event,))
