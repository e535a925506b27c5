"""Facts between two accounts: one stream per unordered pair, so a block decides against follows.

Every event carries the pair's whole state after it, so the latest event is all a decision needs.
"""

from typing import ClassVar

import msgspec

from domain.events.fact import Fact
from domain.ids import AccountId


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one account stands to the other."""

    follows: bool = False
    blocks: bool = False
    mutes: bool = False


class PairState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Both directions of an unordered pair; `low` is how the lower account id stands."""

    low: Standing = Standing()
    high: Standing = Standing()


class RelationshipFact(Fact, frozen=True, kw_only=True):
    """`actor_id` did it to `target_id`; `after` is the pair's state from then on."""

    TOPIC: ClassVar[str] = "new_follow"
    APPENDED: ClassVar[bool] = True

    target_id: AccountId
    after: PairState

    @property
    def stream(self) -> str:
        low, high = sorted((self.actor_id, self.target_id))
        return f"relationship/{low}/{high}"

    @property
    def key(self) -> AccountId:
        """The lower id, whoever acted: both accounts write the pair, in one partition."""
        return min(self.actor_id, self.target_id)

    def standing_of(self, account_id: AccountId) -> Standing:
        """How `account_id`, one of the two, stands to the other after this event."""
        return self.after.low if account_id == self.key else self.after.high


class AccountFollowed(RelationshipFact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "relationship.followed"


class AccountUnfollowed(RelationshipFact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "relationship.unfollowed"


class AccountBlocked(RelationshipFact, frozen=True, kw_only=True):
    """Ends the follows in both directions: `after` says so."""

    TYPE: ClassVar[str] = "relationship.blocked"


class AccountUnblocked(RelationshipFact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "relationship.unblocked"


class AccountMuted(RelationshipFact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "relationship.muted"


class AccountUnmuted(RelationshipFact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "relationship.unmuted"
