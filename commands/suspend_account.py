"""Suspend an account, or reinstate it. Refusals learn of it from the log, at once."""

import msgspec

from commands.guards import admit, require_account, require_known_account
from commands.handling import Decision
from commands.ports import Ports
from commands.toggling import append_change
from domain import moderation
from domain.events import AccountReinstated, AccountSuspended
from domain.ids import AccountId


class SuspendAccount(msgspec.Struct, frozen=True, kw_only=True):
    admin_id: AccountId
    account_id: AccountId
    reason: str = ""


class ReinstateAccount(msgspec.Struct, frozen=True, kw_only=True):
    admin_id: AccountId
    account_id: AccountId


async def suspend_account(command: SuspendAccount, ports: Ports) -> Decision:
    """Raises Suspended (the administrator), Invalid, AccountNotFound."""
    admit(command.admin_id, ports)
    moderation.check_measure_reason(command.reason)
    await require_account(command.account_id, ports)
    suspended = AccountSuspended(
        event_id=ports.stamps.event_id(),
        actor_id=command.admin_id,
        account_id=command.account_id,
        reason=command.reason,
    )
    return await append_change(suspended, ports)


async def reinstate_account(command: ReinstateAccount, ports: Ports) -> Decision:
    """Raises Suspended (the administrator), AccountNotFound."""
    admit(command.admin_id, ports)
    await require_known_account(command.account_id, ports)
    reinstated = AccountReinstated(
        event_id=ports.stamps.event_id(),
        actor_id=command.admin_id,
        account_id=command.account_id,
    )
    return await append_change(reinstated, ports)
