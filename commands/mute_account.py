"""Mute an account, or mute it no more."""

import msgspec

from commands.guards import admit, require_account, require_known_account
from commands.handling import Decision
from commands.ports import Ports
from commands.relating import relate
from domain.events import AccountMuted, AccountUnmuted
from domain.ids import AccountId


class MuteAccount(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    target_id: AccountId


class UnmuteAccount(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    target_id: AccountId


async def mute_account(command: MuteAccount, ports: Ports) -> Decision:
    """The account does not learn of it. Raises Suspended, AccountNotFound, Invalid."""
    admit(command.actor_id, ports)
    await require_account(command.target_id, ports)
    return await relate(AccountMuted, command.actor_id, command.target_id, ports)


async def unmute_account(command: UnmuteAccount, ports: Ports) -> Decision:
    """Also of an account that was closed. Raises Suspended, AccountNotFound, Invalid."""
    admit(command.actor_id, ports)
    await require_known_account(command.target_id, ports)
    return await relate(AccountUnmuted, command.actor_id, command.target_id, ports)
