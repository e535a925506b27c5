"""What `/readyz` says: the log, and each projection."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from domain.errors import Unavailable
from infra.breaker import Breaker
from infra.sqlite.event_log import SqliteEventLog
from read_api.ports import Projections, ProjectionStatus
from web.operations import LOG, Part, State

# A view this far behind still answers, with what it has.
DEGRADED_LAG_S: Final = 10.0
LOG_ANSWERS_S: Final = 2.0


class EmbeddedParts:
    """The parts of one process. A view that is behind degrades what reads it, nothing else."""

    def __init__(self, log: SqliteEventLog, projections: Projections) -> None:
        self._log = log
        self._projections = projections

    async def __call__(self) -> Sequence[Part]:
        """The state of each part now."""
        log = Part(LOG, "up" if self._log.writable else "down", f"position {self._log.head}")
        return [log, *map(part_of, await self._projections.status())]


class Heads(Protocol):
    """Can be asked how far the log is now."""

    async def positions(self) -> Mapping[int, int]:
        """Partition -> position of the newest event. Raises Unavailable."""


class Clock(Protocol):
    """Compares itself with Kafka's."""

    @property
    def difference_ms(self) -> int: ...
    @property
    def is_off(self) -> bool: ...


class ClusterParts:
    """What one serving process of a cluster needs: of `breakers` whatever is in there by then."""

    def __init__(
        self,
        log: Heads,
        projections: Projections,
        breakers: Sequence[Breaker] = (),
        clock: Clock | None = None,
    ) -> None:
        self._log = log
        self._projections = projections
        self._breakers = breakers
        self._clock = clock

    async def __call__(self) -> Sequence[Part]:
        """The state of each part now."""
        log, projections = await asyncio.gather(self._state_of_log(), self._projections.status())
        clock = () if self._clock is None else (clock_part(self._clock),)
        return [log, *clock, *map(engine_part, self._breakers), *map(part_of, projections)]

    async def _state_of_log(self) -> Part:
        try:
            async with asyncio.timeout(LOG_ANSWERS_S):
                heads = await self._log.positions()
        except (Unavailable, TimeoutError) as error:
            return Part(LOG, "down", f"Kafka does not answer {error}".strip())
        return Part(LOG, "up", f"{sum(heads.values())} events")


def clock_part(clock: Clock) -> Part:
    """Whether this clock may date events."""
    if not clock.is_off:
        return Part("clock", "up")
    return Part("clock", "down", f"It differs from Kafka's by {clock.difference_ms} ms")


def engine_part(breaker: Breaker) -> Part:
    """An engine's state, as the calls of this process had it."""
    if breaker.state == "closed":
        return Part(breaker.engine, "up")
    state: State = "down" if breaker.state == "open" else "degraded"
    return Part(breaker.engine, state, "It did not answer when it was asked last")


def part_of(status: ProjectionStatus) -> Part:
    """A projection's state: behind it still answers or takes events in, stalled it does not."""
    if status.stalled_by is not None:
        return Part(status.name, "down", status.stalled_by)
    if status.lag_s > DEGRADED_LAG_S:
        return Part(status.name, "degraded", f"{status.lag_events} events behind")
    return Part(status.name, "up")
