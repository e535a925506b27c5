"""What decisions of an import would ask the log for one by one, known before they are made.

The newest event of a stream decides only together with the version that a command expects: if what
is foreseen is not so any more, the command loses and decides again, on what the log says then.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from commands.ports import EventLog, Refusals
from domain import accounts
from domain.events import Recorded
from domain.ids import AccountId

KNOWN_MAX: Final = 20_000


class KnownAccounts:
    """The newest event of each account that was asked for lately: asked for once."""

    def __init__(self, log: EventLog, refusals: Refusals) -> None:
        self._log = log
        self._refusals = refusals
        self._asked: OrderedDict[AccountId, asyncio.Future[Recorded | None]] = OrderedDict()

    async def latest(self, account_id: AccountId) -> Recorded | None:
        """As `EventLog.latest`, perhaps without what changed since in an account that is open."""
        stream = accounts.stream_of(account_id)
        if self._refusals.closed(account_id):
            return await self._log.latest(stream)
        asked = self._asked.get(account_id)
        if asked is None:
            asked = self._asked[account_id] = asyncio.ensure_future(self._log.latest(stream))
            while len(self._asked) > KNOWN_MAX:
                self._asked.popitem(last=False)
        try:
            found = await asyncio.shield(asked)
        except Exception:
            self._asked.pop(account_id, None)
            raise
        if found is None:
            self._asked.pop(account_id, None)
        return found


class ForeseenLog:
    """An `EventLog` of one batch. Streams that are `new` have no events yet; the newest ones of
    accounts among `asked` come from those that are `known`."""

    def __init__(
        self,
        log: EventLog,
        *,
        new: Iterable[str],
        known: KnownAccounts | None = None,
        asked: Iterable[AccountId] = (),
    ) -> None:
        self._log = log
        self._new = set(new)
        self._known = known
        self._accounts = {accounts.stream_of(one): one for one in asked}
        self.publish = log.publish
        self.append = log.append
        self.history = log.history

    async def latest(self, stream: str) -> Recorded | None:
        """See `EventLog.latest`; what is foreseen of a stream is told once."""
        if stream in self._new:
            self._new.discard(stream)
            return None
        account_id = self._accounts.get(stream)
        if account_id is not None and self._known is not None:
            return await self._known.latest(account_id)
        return await self._log.latest(stream)
