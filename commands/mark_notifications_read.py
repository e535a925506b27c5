"""Mark notifications as read, up to one of them."""

import msgspec

from commands.answers import NO_CONTENT
from commands.guards import admit
from commands.handling import Decision
from commands.ports import Ports
from domain import notifications
from domain.ids import AccountId, ItemId


class MarkNotificationsRead(msgspec.Struct, frozen=True, kw_only=True):
    account_id: AccountId
    up_to_id: ItemId


async def mark_notifications_read(command: MarkNotificationsRead, ports: Ports) -> Decision:
    """Reading does not go back: marking less than before changes nothing. Raises Suspended."""
    admit(command.account_id, ports)
    read = notifications.read(
        command.up_to_id,
        await ports.log.latest(notifications.stream_of(command.account_id)),
        actor_id=command.account_id,
        event_id=ports.stamps.event_id(),
    )
    return Decision(NO_CONTENT, publish=() if read is None else (read,))
