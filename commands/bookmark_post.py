"""Keep a post to read it again, or no more. Nobody else learns of it."""

import msgspec

from commands.guards import admit, load_post, load_reachable_post
from commands.handling import Decision
from commands.ports import Ports
from commands.toggling import publish_change
from domain.events import BookmarkAdded, BookmarkRemoved
from domain.ids import AccountId, PostId


class BookmarkPost(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    post_id: PostId


class RemoveBookmark(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    post_id: PostId


async def bookmark_post(command: BookmarkPost, ports: Ports) -> Decision:
    """Raises Suspended, PostNotFound, Blocked."""
    admit(command.actor_id, ports)
    post = await load_reachable_post(command.post_id, command.actor_id, ports)
    added = BookmarkAdded(
        event_id=ports.stamps.event_id(),
        actor_id=command.actor_id,
        post_id=post.post_id,
    )
    return await publish_change(added, ports)


async def remove_bookmark(command: RemoveBookmark, ports: Ports) -> Decision:
    """Also across a block. Raises Suspended, PostNotFound."""
    admit(command.actor_id, ports)
    post = await load_post(command.post_id, ports)
    removed = BookmarkRemoved(
        event_id=ports.stamps.event_id(),
        actor_id=command.actor_id,
        post_id=post.post_id,
    )
    return await publish_change(removed, ports)
