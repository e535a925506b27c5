"""What `/readyz` says of the embedded profile: the log, and each projection."""

from collections.abc import Sequence
from typing import Final

from infra.projection_status import LocalProjections
from infra.sqlite.event_log import SqliteEventLog
from web.operations import LOG, Part

# A view this far behind still answers, with what it has.
DEGRADED_LAG_S: Final = 10.0


class EmbeddedParts:
    """The parts of one process. A view that is behind degrades what reads it, nothing else."""

    def __init__(self, log: SqliteEventLog, projections: LocalProjections) -> None:
        self._log = log
        self._projections = projections

    async def __call__(self) -> Sequence[Part]:
        """The state of each part now."""
        parts = [Part(LOG, "up" if self._log.writable else "down", f"position {self._log.head}")]
        for status in await self._projections.status():
            if status.stalled_by is not None:
                parts.append(Part(status.name, "down", status.stalled_by))
            elif status.lag_s > DEGRADED_LAG_S:
                parts.append(Part(status.name, "degraded", f"{status.lag_events} events behind"))
            else:
                parts.append(Part(status.name, "up"))
        return parts
