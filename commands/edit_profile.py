"""Change what an account shows of itself."""

import msgspec

from commands import answers
from commands.guards import admit
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import accounts
from domain.events import ProfileChanged
from domain.ids import AccountId


class EditProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What is None stays as it is."""

    account_id: AccountId
    display_name: str | None = None
    bio: str | None = None


async def edit_profile(command: EditProfile, ports: Ports) -> Decision:
    """An edit that changes nothing records nothing. Raises Suspended, AccountNotFound, Invalid."""
    account_id = command.account_id
    admit(account_id, ports)
    stream = accounts.stream_of(account_id)
    shown = accounts.shown(await ports.log.latest(stream))
    profile = accounts.changed_profile(
        shown.profile, display_name=command.display_name, bio=command.bio
    )
    counts = await ports.counters.of_account(account_id)
    answer = answers.account(200, account_id, profile, counts)
    if profile == shown.profile:
        return Decision(answer)
    changed = ProfileChanged(
        event_id=ports.stamps.event_id(), actor_id=account_id, personal=profile
    )
    return Decision(answer, append=(Append(stream, shown.version, (changed,)),))
