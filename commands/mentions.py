"""Whose the handles are that a text mentions, and who is told, at the moment it is written."""

import asyncio
from collections.abc import Iterable, Sequence

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
    wanted = tuple(handles)
    if not wanted:
        return {}
    found = await asyncio.gather(*(account_of(handle, ports) for handle in wanted))
    return {handle: one for handle, one in zip(wanted, found, strict=True) if one is not None}


async def content_of(text: str, author_id: AccountId, ports: Ports) -> PostText:
    """The text with what is in it, as an event carries it. Raises Invalid."""
    parsed = posts.parse(text)
    found = await accounts_of(posts.handles_in(parsed), ports)
    blocked = await _blocked(author_id, tuple(found.values()), ports)
    return posts.content_of(text, parsed, found, blocked)


async def _blocked(
    author_id: AccountId, mentioned: Sequence[AccountId], ports: Ports
) -> list[AccountId]:
    if not mentioned:
        return []
    pairs = await asyncio.gather(*(between(author_id, one, ports) for one in mentioned))
    return [one for one, pair in zip(mentioned, pairs, strict=True) if pair.blocked]
