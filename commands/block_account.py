"""Block an account, or block it no more."""

import msgspec

from commands.guards import admit, require_account, require_known_account
from commands.handling import Decision
from commands.ports import Ports
from commands.relating import relate
from domain.events import AccountBlocked, AccountUnblocked
from domain.ids import AccountId


class BlockAccount(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    target_id: AccountId


class UnblockAccount(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    target_id: AccountId


async def block_account(command: BlockAccount, ports: Ports) -> Decision:
    """Ends the follows in both directions. Raises Suspended, AccountNotFound, Invalid."""
    admit(command.actor_id, ports)
    await require_account(command.target_id, ports)
    return await relate(AccountBlocked, command.actor_id, command.target_id, ports)


async def unblock_account(command: UnblockAccount, ports: Ports) -> Decision:
    """Also of an account that was closed. Raises Suspended, AccountNotFound, Invalid."""
    admit(command.actor_id, ports)
    await require_known_account(command.target_id, ports)
    return await relate(AccountUnblocked, command.actor_id, command.target_id, ports)
