"""What one client that listens is still to be told, bounded."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from domain.ids import AccountId
from projections.signals import Edited, Gone, Posted, Related, Signal, Told, Withdrawn
from read_api.ports import Delivered, FellBehind


class LiveSubscription:
    """Implements `read_api.ports.Subscription`. `wanted` are the authors whose items concern the
    reader: those followed, and the reader."""

    def __init__(
        self,
        reader_id: AccountId,
        *,
        queued_max: int,
        closing: Callable[["LiveSubscription"], None],
    ) -> None:
        self.reader_id = reader_id
        self.wanted: set[AccountId] = {reader_id}
        self._closing = closing
        self._queue: deque[Delivered] = deque()
        self._queued_max = queued_max
        self._behind = False
        self._ended = False
        self._closed = False
        self._woken = asyncio.Event()

    def put(self, delivered: Delivered) -> None:
        """Queue it; where there is no more room everything is dropped."""
        if len(self._queue) >= self._queued_max:
            self._behind = True
            self._queue.clear()
        if not self._behind:
            self._queue.append(delivered)
        self._woken.set()

    def end(self) -> None:
        """There is no more to come."""
        self._ended = True
        self._woken.set()

    async def next(self, limit: int) -> Sequence[Delivered]:
        """See `Subscription.next`."""
        while not (self._queue or self._behind or self._ended):
            self._woken.clear()
            await self._woken.wait()
        if self._behind:
            raise FellBehind
        return [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]

    def close(self) -> None:
        """See `Subscription.close`."""
        if not self._closed:
            self._closed = True
            self._closing(self)

    def concerned_by(self, signal: Signal) -> bool:
        """Whether the reader is to be told."""
        match signal:
            case Posted(actor_id=author_id) | Withdrawn(reposter_id=author_id):
                return author_id in self.wanted
            case Told(recipient_ids=recipients):
                return self.reader_id in recipients
            case Edited() | Gone():
                # Anybody may be showing a post that changes: in a thread, in a search.
                return True
            case Related():
                return False
