"""What reading needs besides the projections' own ports."""

from typing import Protocol

from domain.ids import AccountId, PostId


class Refusals(Protocol):
    """What reads must refuse at once, from the streams, never from a lagging projection.

    Every answer covers all commands that were acknowledged before the question, and costs no
    round trip worth counting: ask once for each account or post.
    """

    def suspended(self, account_id: AccountId) -> bool:
        """Whether the account is suspended now."""

    def closed(self, account_id: AccountId) -> bool:
        """Whether the account was closed."""

    def hidden(self, post_id: PostId) -> bool:
        """Whether a moderator hid the post."""

    def blocked_with(self, reader_id: AccountId) -> frozenset[AccountId]:
        """The accounts between which and the reader a block stands, whoever blocked."""

    def muted_by(self, reader_id: AccountId) -> frozenset[AccountId]:
        """The accounts that the reader muted."""
