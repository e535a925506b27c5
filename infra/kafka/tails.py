"""The newest events of every partition, in memory, and who waits for more. From any thread."""

import asyncio
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter

from domain.events import Recorded
from streams.feed import Fed


@dataclass(eq=False, slots=True)
class _Waiter:
    after: Mapping[int, int]
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.woken.set)


class Tails:
    """`heads` are the positions after which events will come; so many are kept of a partition.
    `newest_id` is the greatest id of an event that came."""

    def __init__(self, heads: Mapping[int, int], kept_max: int) -> None:
        self._heads = dict(heads)
        self._events: dict[int, deque[Fed]] = {one: deque(maxlen=kept_max) for one in heads}
        self._lock = threading.Lock()
        # By partition: most who wait have one each, and an event concerns few of them.
        self._waiters: dict[int, set[_Waiter]] = {one: set() for one in heads}
        self._ended = False
        self.newest_id = 0

    def head(self, partition: int) -> int:
        """The position of the newest event."""
        return self._heads[partition]

    def take(self, group: Iterable[Fed]) -> None:
        """Add events, each behind all others of its partition. Who waits is woken once."""
        with self._lock:
            came = set()
            for fed in group:
                self._events[fed.partition].append(fed)
                self._heads[fed.partition] = fed.position
                came.add(fed.partition)
                if isinstance(fed, Recorded) and fed.event.event_id > self.newest_id:
                    self.newest_id = fed.event.event_id
            concerned = {waiter for number in came for waiter in self._waiters[number]}
            for waiter in concerned:
                if self._has_behind(waiter.after):
                    waiter.wake()

    def behind(self, partition: int, after: int, limit: int) -> Sequence[Fed] | None:
        """Up to `limit` events behind `after`; None where they are older than what is here."""
        with self._lock:
            if after >= self._heads[partition]:
                return ()
            events = self._events[partition]
            if not events or events[0].position > after + 1:
                return None
            start = bisect_right(events, after, key=attrgetter("position"))
            return list(islice(events, start, start + limit))

    async def wait_any(self, after: Mapping[int, int]) -> None:
        """Return once one of these partitions has an event behind its position, or at the end."""
        waiter = _Waiter(after, asyncio.get_running_loop())
        with self._lock:
            if self._ended or self._has_behind(after):
                return
            for number in after:
                self._waiters[number].add(waiter)
        try:
            await waiter.woken.wait()
        finally:
            with self._lock:
                for number in after:
                    self._waiters[number].discard(waiter)

    def end(self) -> None:
        """Nothing more will come."""
        with self._lock:
            self._ended = True
            for waiter in {one for some in self._waiters.values() for one in some}:
                waiter.wake()

    @property
    def ended(self) -> bool:
        return self._ended

    def _has_behind(self, after: Mapping[int, int]) -> bool:
        return any(self._heads[number] > position for number, position in after.items())
