"""What an administrator did is accepted and recorded."""

from commands.answers import ACCEPTED
from commands.handling import Decision
from commands.ports import Ports
from domain.events import AdminActed
from domain.ids import AccountId


def audited(ports: Ports, admin_id: AccountId, action: str, target: str, reason: str) -> Decision:
    """202, and the event of it in the audit log."""
    acted = AdminActed(
        event_id=ports.stamps.event_id(),
        actor_id=admin_id,
        action=action,
        target=target,
        reason=reason,
    )
    return Decision(ACCEPTED, publish=(acted,))
