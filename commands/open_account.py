"""Open an account under a handle that nobody has."""

import msgspec

from commands import answers
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import accounts
from domain.events import AccountOpened, HandleClaimed
from domain.ids import AccountId, EventId
from domain.objects import AccountCounts


class OpenAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Without a password nobody can sign in until an administrator sets one (imports).

    `account_id` is given where the decision may be repeated, and by imports, which bring their
    own times; `source` by imports.
    """

    handle: str
    display_name: str = ""
    bio: str = ""
    password: str | None = None
    account_id: AccountId | None = None
    source: str | None = None


async def open_account(command: OpenAccount, ports: Ports) -> Decision:
    """Raises Invalid, HandleTaken."""
    profile = accounts.opening_profile(command.handle, command.display_name, command.bio)
    if command.password is not None:
        accounts.check_password(command.password)
    handle_key = ports.handles.key_of(profile.handle)
    handle_stream = accounts.handle_stream_of(handle_key)
    free_at = accounts.free_version(await ports.log.latest(handle_stream))
    account_id = command.account_id or AccountId(ports.stamps.event_id())
    if command.password is not None:
        await ports.identity.enroll(account_id, command.password)
    opened = AccountOpened(
        event_id=EventId(account_id),
        actor_id=account_id,
        handle_key=handle_key,
        source=command.source,
        personal=profile,
    )
    claimed = HandleClaimed(
        event_id=ports.stamps.event_id(), actor_id=account_id, handle_key=handle_key
    )
    return Decision(
        answers.account(201, account_id, profile, AccountCounts()),
        append=(
            Append(handle_stream, free_at, (claimed,)),
            Append(accounts.stream_of(account_id), 0, (opened,)),
        ),
    )
