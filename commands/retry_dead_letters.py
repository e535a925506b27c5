"""Have everything retried that a projection had to park."""

import msgspec

from commands.answers import ACCEPTED
from commands.auditing import audited
from commands.guards import admit
from commands.handling import Decision
from commands.ports import DeadLetterRequests, Ports
from domain.ids import AccountId


class RetryDeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Have the partitions' owners retry every parked event of a projection."""

    admin_id: AccountId
    projection: str
    reason: str = ""


async def retry_dead_letters(
    command: RetryDeadLetters, ports: Ports, *, dead_letters: DeadLetterRequests
) -> Decision:
    """Asks before the event is recorded: its arrival wakes who does it. Nothing is recorded where
    nothing was left to ask for. Raises Suspended, Unavailable."""
    admit(command.admin_id, ports)
    if not await dead_letters.retry_all(command.projection):
        return Decision(ACCEPTED)
    target = f"dead-letters/{command.projection}"
    return audited(ports, command.admin_id, "retry_dead_letters", target, command.reason)
