"""Erase a person: what only the operator may do. Destroying the key comes after this is recorded,
so that there is no erasure that nobody can be asked about."""

import msgspec

from commands.answers import NO_CONTENT
from commands.close_account import closing
from commands.grant_role import OPERATOR
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import accounts
from domain.errors import AccountNotFound
from domain.events import AccountErased
from domain.ids import AccountId


class EraseAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Asked by the operator at the command line; the account may be closed already."""

    account_id: AccountId


async def erase_account(command: EraseAccount, ports: Ports) -> Decision:
    """Records that the person is erased, and closes their account if it is open, in one step.
    Erasing twice records nothing new. Raises AccountNotFound."""
    account_id = command.account_id
    state = accounts.fold(await ports.log.history(accounts.stream_of(account_id)))
    if state is None:
        raise AccountNotFound
    stream = accounts.erasure_of(account_id)
    if await ports.log.latest(stream) is not None:
        return Decision(NO_CONTENT)
    closed = () if state.closed else await closing(state, ports)
    erased = AccountErased(
        event_id=ports.stamps.event_id(), actor_id=OPERATOR, account_id=account_id
    )
    return Decision(NO_CONTENT, append=(*closed, Append(stream, 0, (erased,))))
