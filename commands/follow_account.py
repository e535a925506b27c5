"""Follow an account, or follow it no more."""

import msgspec

from commands.guards import admit, require_account, require_known_account
from commands.handling import Decision
from commands.ports import Ports
from commands.relating import relate
from domain.errors import AccountNotFound
from domain.events import AccountFollowed, AccountUnfollowed
from domain.ids import AccountId


class FollowAccount(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    target_id: AccountId


class UnfollowAccount(msgspec.Struct, frozen=True, kw_only=True):
    actor_id: AccountId
    target_id: AccountId


async def follow_account(command: FollowAccount, ports: Ports) -> Decision:
    """Raises Suspended, AccountNotFound (also for a suspended one), Invalid, Blocked."""
    admit(command.actor_id, ports)
    await require_account(command.target_id, ports)
    if ports.refusals.suspended(command.target_id):
        raise AccountNotFound
    return await relate(AccountFollowed, command.actor_id, command.target_id, ports)


async def unfollow_account(command: UnfollowAccount, ports: Ports) -> Decision:
    """Also of an account that was closed. Raises Suspended, AccountNotFound, Invalid."""
    admit(command.actor_id, ports)
    await require_known_account(command.target_id, ports)
    return await relate(AccountUnfollowed, command.actor_id, command.target_id, ports)
