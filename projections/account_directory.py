"""Who is here: each live account's profile, by id and by handle.

A profile is a register of the account's own stream. Two live accounts never hold one handle, but
the closing of its former holder may arrive late: the newest account is then who has it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from domain.events import AccountClosed, AccountOpened, ProfileChanged, Recorded
from domain.ids import AccountId
from domain.objects import profile_members
from projections.projection import Projection, Store


class SetProfile(NamedTuple):
    """What an account shows; `members` are its JSON members (`objects.profile_members`). The
    highest version counts."""

    account_id: AccountId
    handle: str
    members: bytes
    version: int


class DropAccount(NamedTuple):
    """The account is closed: absorbing, also when it comes before what it drops."""

    account_id: AccountId


Operation = SetProfile | DropAccount


class AccountDirectory(Store[Operation], Protocol):
    """Where profiles are kept. Closed accounts and ones that never were are left out."""

    async def profiles(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, bytes]:
        """The JSON members (`objects.account_body` takes them) of each account that is there."""

    async def handles(self, account_ids: Sequence[AccountId]) -> dict[AccountId, str]:
        """The handle, as its owner writes it, of each account that is there."""

    async def by_handle(self, handle: str) -> AccountId | None:
        """Who has the handle, in any case."""

    async def count(self) -> int:
        """How many accounts there are."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch. An erased profile shows nothing: its account is closed."""
    operations: list[Operation] = []
    for event, version, _, _ in batch:
        match event:
            case AccountOpened(personal=profile) | ProfileChanged(personal=profile):
                if profile is not None:
                    members = profile_members(event.actor_id, profile)
                    operations.append(SetProfile(event.actor_id, profile.handle, members, version))
            case AccountClosed():
                operations.append(DropAccount(event.actor_id))
            case _:
                pass
    return operations


ACCOUNT_DIRECTORY: Final = Projection(
    name="account_directory",
    version=1,
    events=frozenset({AccountOpened, ProfileChanged, AccountClosed}),
    project=project,
)
