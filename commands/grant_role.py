"""Give an account a role, which its tokens carry from the next sign-in on."""

from typing import Final

import msgspec

from commands.answers import NO_CONTENT
from commands.guards import require_account
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import accounts
from domain.errors import Invalid
from domain.events import RoleGranted
from domain.ids import AccountId

OPERATOR: Final = AccountId(0)


class GrantRole(msgspec.Struct, frozen=True, kw_only=True):
    """Given by the operator at the command line."""

    account_id: AccountId
    role: str


async def grant_role(command: GrantRole, ports: Ports) -> Decision:
    """Granting it twice changes nothing. Raises Invalid (no such role), AccountNotFound."""
    if command.role not in accounts.ROLES:
        raise Invalid(("/role", f"The roles are: {', '.join(sorted(accounts.ROLES))}"))
    await require_account(command.account_id, ports)
    stream = accounts.roles_of(command.account_id)
    history = await ports.log.history(stream)
    if command.role in accounts.roles(history):
        return Decision(NO_CONTENT)
    event = RoleGranted(
        event_id=ports.stamps.event_id(),
        actor_id=OPERATOR,
        account_id=command.account_id,
        role=command.role,
    )
    version = history[-1].version if history else 0
    return Decision(NO_CONTENT, append=(Append(stream, version, (event,)),))
