"""Change the text of one's reply; what it said before stays in its history."""

import msgspec

from commands.editing import expected_version, record_edit
from commands.guards import admit, load_post
from commands.handling import Decision
from commands.mentions import content_of
from commands.ports import Ports
from domain import replies
from domain.ids import AccountId, PostId
from domain.posts import Versions


class EditReply(msgspec.Struct, frozen=True, kw_only=True):
    """`versions` are those of the reply that the edit may be of; None for any."""

    author_id: AccountId
    post_id: PostId
    text: str
    versions: Versions


async def edit_reply(command: EditReply, ports: Ports) -> Decision:
    """Raises Invalid, Suspended, PostNotFound, NotAllowed, StaleVersion."""
    admit(command.author_id, ports)
    content = await content_of(command.text, command.author_id, ports)
    reply = replies.own(await load_post(command.post_id, ports), command.author_id)
    version = await expected_version(reply.post_id, command.versions, ports)
    edit = replies.edit(reply, content, event_id=ports.stamps.event_id())
    return await record_edit(reply, edit, version, ports)
