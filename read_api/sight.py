"""Whom and what a reader may see: blocks (both ways), suspensions, hidden posts, mutes.

Asked of the streams at the moment of the request, so that no lagging view shows what is refused.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Final

from domain.ids import AccountId, PostId
from projections.post_cards import Card
from read_api.ports import Refusals

NOBODY: frozenset[AccountId] = frozenset()
NOTHING: frozenset[PostId] = frozenset()


@dataclass(frozen=True, slots=True)
class Sight:
    """What one reader may see during one request. `muted` only counts in home and
    notifications. Without `refusals` nothing is refused."""

    reader_id: AccountId | None
    blocked: frozenset[AccountId]
    muted: frozenset[AccountId]
    refusals: Refusals | None

    def of_account(self, account_id: AccountId) -> bool:
        """Whether the account may be shown."""
        return account_id not in self.blocked and not self.refused(account_id)

    def of_post(self, post_id: PostId, author_id: AccountId) -> bool:
        """Whether the post may be shown."""
        hidden = self.refusals is not None and self.refusals.hidden(post_id)
        return not hidden and self.of_account(author_id)

    def accounts_of(self, account_ids: Iterable[AccountId]) -> Set[AccountId]:
        """Those of the accounts that may be shown."""
        asked = set(account_ids)
        unseen = self._unseen_of(asked)
        return asked - unseen if unseen else asked

    def cards_of(self, cards: Mapping[PostId, Card]) -> Mapping[PostId, Card]:
        """Those of the posts that may be shown."""
        unseen = self._unseen_of({card.author_id for card in cards.values()})
        hidden = self.refusals.hidden_of(cards) if self.refusals is not None else NOTHING
        if not (unseen or hidden):
            return cards
        return {
            post_id: card
            for post_id, card in cards.items()
            if card.author_id not in unseen and post_id not in hidden
        }

    def of_doer(self, account_id: AccountId) -> bool:
        """Whether what the account did may be shown in the reader's own feeds."""
        return account_id not in self.muted and self.of_account(account_id)

    def refused(self, account_id: AccountId) -> bool:
        """Whether the account is suspended or closed, for everybody."""
        refusals = self.refusals
        return refusals is not None and (
            refusals.suspended(account_id) or refusals.closed(account_id)
        )

    def past_blocks(self) -> "Sight":
        """What a block leaves: an account that is asked for by name is there, and says in
        `viewer` who blocked whom."""
        return replace(self, blocked=NOBODY) if self.blocked else self

    def _unseen_of(self, account_ids: Set[AccountId]) -> Set[AccountId]:
        """Those of the accounts that may not be shown."""
        refused = NOBODY if self.refusals is None else self.refusals.refused_of(account_ids)
        return refused | (self.blocked & account_ids) if self.blocked else refused


# Administrators judge what is hidden, so they see it: only on their own routes.
OF_ADMINISTRATORS: Final = Sight(None, NOBODY, NOBODY, None)


def sight_of(reader_id: AccountId | None, refusals: Refusals, *, mutes: bool = False) -> Sight:
    """The sight of a reader (None: nobody signed in); with `mutes`, of their own feed."""
    if reader_id is None:
        return Sight(None, NOBODY, NOBODY, refusals)
    muted = refusals.muted_by(reader_id) if mutes else NOBODY
    return Sight(reader_id, refusals.blocked_with(reader_id), muted, refusals)
