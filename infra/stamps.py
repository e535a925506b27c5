"""Ids and times from a hybrid logical clock, inside a leased worker number.

The clock never falls behind an id it has seen, so that a later event has a greater id even where
the wall clock stepped back; it runs at most `AHEAD_MS_MAX` ahead of the wall clock. Worker
numbers are leased as intervals of id time and never granted twice for a number: a generator
emits only ids inside its lease, so a process that was paused cannot repeat one.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from domain.errors import Unavailable
from domain.ids import SEQUENCE_MAX, EventId, compose, millis_of, time_of

AHEAD_MS_MAX: Final = 500


class Lease(NamedTuple):
    """`worker` may be used for ids of the milliseconds below `until_ms`."""

    worker: int
    until_ms: int


class WorkerLeases(Protocol):
    """Grants worker numbers, durably."""

    def acquire(self, now_ms: int) -> Lease:
        """A number whose earlier leases all end at or before `now_ms`. Raises Unavailable."""

    def extend(self, lease: Lease, now_ms: int) -> Lease:
        """The same number for longer. Raises Unavailable."""


def wall_clock_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class LeasedStamps:
    """Implements `commands.ports.Stamps`. Used from one thread."""

    def __init__(
        self,
        leases: WorkerLeases,
        *,
        seen_id: int = 0,
        clock_ms: Callable[[], int] = wall_clock_ms,
        check: Callable[[], None] | None = None,
        seen: Callable[[], int] | None = None,
    ) -> None:
        """`check` raises Unavailable while the clock is not to be trusted; `seen` gives the
        greatest id that other processes are known to have made."""
        self._leases = leases
        self._check = check
        self._seen = seen
        self._clock_ms = clock_ms
        self._ms = millis_of(seen_id) if seen_id else 0
        self._sequence = SEQUENCE_MAX
        self._newest = seen_id
        self._lease = leases.acquire(max(clock_ms(), self._ms + 1))

    def event_id(self) -> EventId:
        """See `Stamps.event_id`. Raises Unavailable while the clock is too far behind."""
        if self._check is not None:
            self._check()
        now = self._clock_ms()
        if self._seen is not None:
            self._catch_up(self._seen(), now)
        if now > self._ms:
            self._ms, self._sequence = now, 0
        elif self._sequence < SEQUENCE_MAX:
            self._sequence += 1
        else:
            self._ms, self._sequence = self._ms + 1, 0
        if self._ms > now + AHEAD_MS_MAX:
            raise Unavailable(f"The clock is {self._ms - now} ms behind the newest event")
        if self._ms >= self._lease.until_ms:
            self._lease = self._leases.extend(self._lease, self._ms)
        self._newest = compose(self._ms, self._lease.worker, self._sequence)
        return EventId(self._newest)

    def _catch_up(self, seen_id: int, now: int) -> None:
        """Go behind what others made, but no further than this clock may be ahead."""
        if seen_id > self._newest:
            ahead_ms = min(millis_of(seen_id), now + AHEAD_MS_MAX - 1)
            if ahead_ms >= self._ms:
                self._ms, self._sequence = ahead_ms, SEQUENCE_MAX

    def now(self) -> datetime:
        """See `Stamps.now`."""
        return time_of(compose(max(self._clock_ms(), self._ms), 0, 0))

    def now_ms(self) -> int:
        """The same in Unix milliseconds."""
        return max(self._clock_ms(), self._ms)
