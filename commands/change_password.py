"""Change one's password: every other session ends."""

import msgspec

from commands import answers
from commands.guards import admit
from commands.handling import Decision
from commands.ports import Ports
from domain import accounts
from domain.ids import AccountId


class ChangePassword(msgspec.Struct, frozen=True, kw_only=True):
    """`session_id` is the session that asks, and goes on."""

    account_id: AccountId
    session_id: str
    current: str
    new: str


async def change_password(command: ChangePassword, ports: Ports) -> Decision:
    """Raises Suspended, Invalid, WrongCredentials. No event: passwords are not in the log."""
    admit(command.account_id, ports)
    accounts.check_password(command.new, "/new_password")
    await ports.identity.set_password(
        command.account_id,
        current=command.current,
        new=command.new,
        session_id=command.session_id,
    )
    return Decision(answers.NO_CONTENT)
