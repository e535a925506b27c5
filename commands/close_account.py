"""Close an account and give its handle back.

The person disappears from every view, and nobody can sign in. What they wrote stays in the log,
sealed with their key, until the operator has them erased (`erase_account`).
"""

import msgspec

from commands import answers
from commands.guards import admit
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import accounts
from domain.accounts import AccountState
from domain.events import AccountClosed, HandleClaimed, HandleReleased
from domain.ids import AccountId


class CloseAccount(msgspec.Struct, frozen=True, kw_only=True):
    account_id: AccountId


async def close_account(command: CloseAccount, ports: Ports) -> Decision:
    """Raises Suspended, AccountNotFound."""
    account_id = command.account_id
    admit(account_id, ports)
    history = await ports.log.history(accounts.stream_of(account_id))
    state = accounts.found(accounts.fold(history))
    return Decision(answers.NO_CONTENT, append=await closing(state, ports))


async def closing(state: AccountState, ports: Ports) -> tuple[Append, ...]:
    """What closes an account that is open."""
    stream = accounts.stream_of(state.account_id)
    closed = AccountClosed(event_id=ports.stamps.event_id(), actor_id=state.account_id)
    released = await _release(state.account_id, state.handle_key, ports)
    return (Append(stream, state.version, (closed,)), *released)


async def _release(account_id: AccountId, handle_key: str, ports: Ports) -> tuple[Append, ...]:
    """The release of the handle, if it is this account's."""
    stream = accounts.handle_stream_of(handle_key)
    latest = await ports.log.latest(stream)
    if latest is None or not isinstance(latest.event, HandleClaimed):
        return ()
    if latest.event.actor_id != account_id:
        return ()
    released = HandleReleased(
        event_id=ports.stamps.event_id(), actor_id=account_id, handle_key=handle_key
    )
    return (Append(stream, latest.version, (released,)),)
