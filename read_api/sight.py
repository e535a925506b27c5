"""Whom and what a reader may see: blocks (both ways), suspensions, hidden posts, mutes.

Asked of the streams at the moment of the request, so that no lagging view shows what is refused.
"""

from dataclasses import dataclass

from domain.ids import AccountId, PostId
from read_api.ports import Refusals

NOBODY: frozenset[AccountId] = frozenset()


@dataclass(frozen=True, slots=True)
class Sight:
    """What one reader may see during one request. `muted` only counts in home and
    notifications."""

    reader_id: AccountId | None
    blocked: frozenset[AccountId]
    muted: frozenset[AccountId]
    refusals: Refusals

    def of_account(self, account_id: AccountId) -> bool:
        """Whether the account may be shown."""
        return account_id not in self.blocked and not self.refused(account_id)

    def of_post(self, post_id: PostId, author_id: AccountId) -> bool:
        """Whether the post may be shown."""
        return self.of_account(author_id) and not self.refusals.hidden(post_id)

    def refused(self, account_id: AccountId) -> bool:
        """Whether the account is suspended or closed, for everybody."""
        return self.refusals.suspended(account_id) or self.refusals.closed(account_id)


def sight_of(reader_id: AccountId | None, refusals: Refusals, *, mutes: bool = False) -> Sight:
    """The sight of a reader (None: nobody signed in); with `mutes`, of their own feed."""
    if reader_id is None:
        return Sight(None, NOBODY, NOBODY, refusals)
    muted = refusals.muted_by(reader_id) if mutes else NOBODY
    return Sight(reader_id, refusals.blocked_with(reader_id), muted, refusals)
