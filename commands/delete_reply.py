"""Delete one's reply, for ever."""

import msgspec

from commands import answers
from commands.guards import admit, load_deletable_post
from commands.handling import Decision
from commands.ports import Ports
from domain import replies
from domain.ids import AccountId, PostId


class DeleteReply(msgspec.Struct, frozen=True, kw_only=True):
    author_id: AccountId
    post_id: PostId


async def delete_reply(command: DeleteReply, ports: Ports) -> Decision:
    """Raises Suspended, PostNotFound, NotAllowed."""
    admit(command.author_id, ports)
    state = await load_deletable_post(command.post_id, command.author_id, ports)
    reply = replies.own(state, command.author_id)
    deleted = replies.delete(reply, event_id=ports.stamps.event_id())
    return Decision(answers.NO_CONTENT, publish=(deleted,))
