"""What `/readyz` says: the log, and each projection."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from domain.errors import Unavailable
from infra.sqlite.event_log import SqliteEventLog
from read_api.ports import Projections, ProjectionStatus
from web.operations import LOG, Part

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


class ClusterParts:
    """What one serving process of a cluster needs."""

    def __init__(self, log: Heads, projections: Projections) -> None:
        self._log = log
        self._projections = projections

    async def __call__(self) -> Sequence[Part]:
        """The state of each part now."""
        return [await self._state_of_log(), *map(part_of, await self._projections.status())]

    async def _state_of_log(self) -> Part:
        try:
            async with asyncio.timeout(LOG_ANSWERS_S):
                heads = await self._log.positions()
        except (Unavailable, TimeoutError) as error:
            return Part(LOG, "down", f"Kafka does not answer {error}".strip())
        return Part(LOG, "up", f"{sum(heads.values())} events")


def part_of(status: ProjectionStatus) -> Part:
    """A projection's state: behind it still answers or takes events in, stalled it does not."""
    if status.stalled_by is not None:
        return Part(status.name, "down", status.stalled_by)
    if status.lag_s > DEGRADED_LAG_S:
        return Part(status.name, "degraded", f"{status.lag_events} events behind")
    return Part(status.name, "up")
