"""Whose the handles are that a text mentions, and who is told, at the moment it is written."""

from collections.abc import Iterable

from commands.guards import between
from commands.ports import Ports
from domain import posts
from domain.events import HandleClaimed, PostText
from domain.ids import AccountId


async def account_of(handle: str, ports: Ports) -> AccountId | None:
    """The account that holds a handle now (any case), by the handle's own stream."""
    recorded = await ports.log.latest(f"handle/{ports.handles.key_of(handle)}")
    if recorded is None or not isinstance(recorded.event, HandleClaimed):
        return None
    return recorded.event.actor_id


async def accounts_of(handles: Iterable[str], ports: Ports) -> dict[str, AccountId]:
    """The accounts that hold these lower-cased handles; handles that nobody has are left out.

    They come from one text, which has room for fewer than a hundred.
    """
    found: dict[str, AccountId] = {}
    for handle in handles:
        account_id = await account_of(handle, ports)
        if account_id is not None:
            found[handle] = account_id
    return found


async def content_of(text: str, author_id: AccountId, ports: Ports) -> PostText:
    """The text with what is in it, as an event carries it. Raises Invalid."""
    parsed = posts.parse(text)
    found = await accounts_of(posts.handles_in(parsed), ports)
    blocked = [i for i in found.values() if (await between(author_id, i, ports)).blocked]
    return posts.content_of(text, parsed, found, blocked)
