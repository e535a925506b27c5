"""Show a post to one's followers, or no more."""

import msgspec

from commands.answers import NO_CONTENT
from commands.guards import admit, load_post, load_reachable_post
from commands.handling import Decision
from commands.ports import Ports
from commands.toggling import publish_change
from domain import toggles
from domain.events import RepostAdded, RepostRemoved
from domain.ids import AccountId, ItemId, PostId


class RepostPost(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    post_id: PostId


class RemoveRepost(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    post_id: PostId


async def repost_post(command: RepostPost, ports: Ports) -> Decision:
    """Raises Suspended, PostNotFound, Blocked."""
    admit(command.actor_id, ports)
    post = await load_reachable_post(command.post_id, command.actor_id, ports)
    added = RepostAdded(
        event_id=ports.stamps.event_id(),
        actor_id=command.actor_id,
        post_id=post.post_id,
        post_author_id=post.author_id,
    )
    return await publish_change(added, ports)


async def remove_repost(command: RemoveRepost, ports: Ports) -> Decision:
    """Also across a block. Raises Suspended, PostNotFound."""
    admit(command.actor_id, ports)
    post = await load_post(command.post_id, ports)
    repost = await ports.log.latest(toggles.repost_of(command.actor_id, post.post_id))
    if repost is None or not toggles.is_on(repost):
        return Decision(NO_CONTENT)
    removed = RepostRemoved(
        event_id=ports.stamps.event_id(),
        actor_id=command.actor_id,
        post_id=post.post_id,
        post_author_id=post.author_id,
        repost_id=ItemId(repost.event.event_id),
    )
    return Decision(NO_CONTENT, publish=(removed,))
