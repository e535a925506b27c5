"""Hide a post from everybody, or restore it."""

import msgspec

from commands.guards import admit, load_stored_post
from commands.handling import Decision
from commands.ports import Ports
from commands.toggling import append_change
from domain import moderation
from domain.events import PostHidden, PostRestored
from domain.ids import AccountId, PostId


class HidePost(msgspec.Struct, frozen=True, kw_only=True):
    admin_id: AccountId
    post_id: PostId
    reason: str = ""


class RestorePost(msgspec.Struct, frozen=True, kw_only=True):
    admin_id: AccountId
    post_id: PostId


async def hide_post(command: HidePost, ports: Ports) -> Decision:
    """Raises Suspended (the administrator), Invalid, PostNotFound."""
    admit(command.admin_id, ports)
    moderation.check_measure_reason(command.reason)
    post = await load_stored_post(command.post_id, ports)
    hidden = PostHidden(
        event_id=ports.stamps.event_id(),
        actor_id=command.admin_id,
        post_id=post.post_id,
        post_author_id=post.author_id,
        reason=command.reason,
    )
    return await append_change(hidden, ports)


async def restore_post(command: RestorePost, ports: Ports) -> Decision:
    """Raises Suspended (the administrator), PostNotFound."""
    admit(command.admin_id, ports)
    post = await load_stored_post(command.post_id, ports)
    restored = PostRestored(
        event_id=ports.stamps.event_id(),
        actor_id=command.admin_id,
        post_id=post.post_id,
        post_author_id=post.author_id,
    )
    return await append_change(restored, ports)
