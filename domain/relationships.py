"""Follow, block and mute, decided together: a block ends the follows of both directions."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from domain.errors import Blocked, Invalid
from domain.events import (
    AccountBlocked,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    PairState,
    RelationshipFact,
    Standing,
)
from domain.ids import AccountId, EventId

# What each fact makes of the actor's standing. Unblocking restores no follow.
CHANGES: Final[Mapping[type[RelationshipFact], Mapping[str, bool]]] = {
    AccountFollowed: {"follows": True},
    AccountUnfollowed: {"follows": False},
    AccountBlocked: {"blocks": True, "follows": False},
    AccountUnblocked: {"blocks": False},
    AccountMuted: {"mutes": True},
    AccountUnmuted: {"mutes": False},
}


def stream_of(one: AccountId, other: AccountId) -> str:
    """The stream of an unordered pair."""
    low, high = sorted((one, other))
    return f"relationship/{low}/{high}"


def standing(state: PairState, actor_id: AccountId, target_id: AccountId) -> Standing:
    """How `actor_id` stands to `target_id`."""
    return state.low if actor_id < target_id else state.high


def decide(
    fact: type[RelationshipFact],
    state: PairState,
    *,
    actor_id: AccountId,
    target_id: AccountId,
    event_id: EventId,
) -> RelationshipFact | None:
    """The fact, or None where it would change nothing.

    Raises Invalid (oneself), Blocked (a follow while either blocks the other).
    """
    if actor_id == target_id:
        raise Invalid(("/id", "An account cannot do this to itself"))
    if fact is AccountFollowed and (state.low.blocks or state.high.blocks):
        raise Blocked
    mine = replace(standing(state, actor_id, target_id), **CHANGES[fact])
    theirs = standing(state, target_id, actor_id)
    if fact is AccountBlocked:
        theirs = replace(theirs, follows=False)
    after = PairState(mine, theirs) if actor_id < target_id else PairState(theirs, mine)
    if after == state:
        return None
    return fact(event_id=event_id, actor_id=actor_id, target_id=target_id, after=after)
