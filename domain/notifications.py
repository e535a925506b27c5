"""How far an account has read its notifications."""

from domain.events import NotificationsRead, Recorded
from domain.ids import AccountId, EventId, ItemId


def read(
    up_to_id: ItemId, latest: Recorded | None, *, actor_id: AccountId, event_id: EventId
) -> NotificationsRead | None:
    """The fact, or None where that much was read before (`latest`).

    Nobody has read the future: what comes after this moment stays unread.
    """
    reached = ItemId(min(up_to_id, event_id))
    if latest is not None and _up_to(latest) >= reached:
        return None
    return NotificationsRead(event_id=event_id, actor_id=actor_id, up_to_id=reached)


def stream_of(account_id: AccountId) -> str:
    """The register of how far an account has read."""
    return f"notifications-read/{account_id}"


def _up_to(recorded: Recorded) -> int:
    return recorded.event.up_to_id if isinstance(recorded.event, NotificationsRead) else 0
