"""Which events change what must be refused, and what each of them changes."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountMuted,
    AccountReinstated,
    AccountSuspended,
    AccountUnblocked,
    AccountUnmuted,
    Fact,
    PostHidden,
    PostRestored,
    Recorded,
    RelationshipFact,
)
from domain.ids import AccountId, PostId

# Following and unfollowing change neither a block nor a mute.
REFUSING: Final[frozenset[type[Fact]]] = frozenset(
    {
        AccountBlocked,
        AccountUnblocked,
        AccountMuted,
        AccountUnmuted,
        AccountSuspended,
        AccountReinstated,
        AccountClosed,
        PostHidden,
        PostRestored,
    }
)


class SetSuspended(NamedTuple):
    """Whether the account is suspended."""

    account_id: AccountId
    on: bool
    version: int


class SetClosed(NamedTuple):
    """The account was closed."""

    account_id: AccountId


class SetHidden(NamedTuple):
    """Whether the post is hidden."""

    post_id: PostId
    on: bool
    version: int


class SetStanding(NamedTuple):
    """Between `account_id` and `other_id`: a block of either, and the mute of the first."""

    account_id: AccountId
    other_id: AccountId
    blocked: bool
    mutes: bool
    version: int


Refusing = SetSuspended | SetClosed | SetHidden | SetStanding


def refusing(recorded: Iterable[Recorded]) -> Iterator[Refusing]:
    """What the events change."""
    for event, version, _, _ in recorded:
        match event:
            case AccountSuspended() | AccountReinstated():
                on = isinstance(event, AccountSuspended)
                yield SetSuspended(event.account_id, on, version)
            case PostHidden() | PostRestored():
                yield SetHidden(event.post_id, isinstance(event, PostHidden), version)
            case AccountClosed():
                yield SetClosed(event.actor_id)
            case RelationshipFact() if type(event) in REFUSING:
                yield from _standings(event, version)
            case _:
                pass


def _standings(event: RelationshipFact, version: int) -> Iterator[SetStanding]:
    """How the pair stands, seen from each of the two."""
    blocked = event.after.low.blocks or event.after.high.blocks
    for account_id, other_id in (
        (event.actor_id, event.target_id),
        (event.target_id, event.actor_id),
    ):
        mutes = event.standing_of(account_id).mutes
        yield SetStanding(account_id, other_id, blocked, mutes, version)
