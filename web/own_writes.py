"""Reading one's own writes without a token: what each account's newest command wrote.

A client that sends no token would otherwise miss what it has just posted, as views lag a little.
Kept in memory, for those who wrote last: a token is what holds across restarts and servers.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from domain.ids import AccountId
from domain.positions import Vector

ACCOUNTS_MAX: Final = 50_000
# A view that stays behind for longer is shown as it is: nobody asked to wait for it.
WAIT_MAX_S: Final = 1.0


class _Newest(NamedTuple):
    """A command's vector, and the groups of projections that have been seen to have it."""

    vector: Vector
    seen_by: set[Sequence[str]]


class OwnWrites:
    """Used by one thread, the event loop's."""

    def __init__(self, *, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._accounts_max = accounts_max
        self._newest: OrderedDict[AccountId, _Newest] = OrderedDict()

    def note(self, account_id: AccountId, vector: Vector) -> None:
        """A command of the account was answered with this vector."""
        self._newest[account_id] = _Newest(vector, set())
        self._newest.move_to_end(account_id)
        if len(self._newest) > self._accounts_max:
            self._newest.popitem(last=False)

    def unseen(self, account_id: AccountId, projections: Sequence[str]) -> Vector | None:
        """The vector of the account's newest command, if it is remembered and these projections
        have not been seen to have it."""
        newest = self._newest.get(account_id)
        return None if newest is None or projections in newest.seen_by else newest.vector

    def note_seen(self, account_id: AccountId, vector: Vector, projections: Sequence[str]) -> None:
        """These projections have this vector, so they will have it for ever."""
        newest = self._newest.get(account_id)
        if newest is not None and newest.vector is vector:
            newest.seen_by.add(projections)
