"""When what happened in the embedded log."""

from collections.abc import Mapping
from typing import Final

from domain.events import Recorded
from domain.ids import millis_of
from infra.sqlite.feed import PARTITION, SqliteFeed
from streams.feed import Fed
from streams.moments import Dated, dated, position_at

# Of so many imported events one was not, or when they came cannot be told.
LOOKED_BACK: Final = 1_000


class FolderLog:
    """Implements `infra.moments.DatedLog`."""

    def __init__(self, feed: SqliteFeed) -> None:
        self._feed = feed

    async def ends(self) -> Mapping[int, int]:
        """See `DatedLog.ends`."""
        return {PARTITION: self._feed.head(PARTITION)}

    async def positions_at(self, at_ms: int) -> Mapping[int, int]:
        """See `DatedLog.positions_at`."""
        return {PARTITION: await position_at(self._read, 0, self._feed.head(PARTITION), at_ms)}

    async def at_ms(self, vector: Mapping[int, int]) -> int:
        """See `DatedLog.at_ms`."""
        until = vector[PARTITION]
        found = await self._feed.read(PARTITION, max(until - LOOKED_BACK, 0), LOOKED_BACK)
        events = [one for one in found if isinstance(one, Recorded) and one.position <= until]
        times = [one.at_ms for one in map(_dated, events) if one.at_ms is not None]
        return max(times or (millis_of(one.event.event_id) for one in events), default=0)

    async def _read(self, after: int, limit: int) -> list[Dated]:
        return [_dated(one) for one in await self._feed.read(PARTITION, after, limit)]


def _dated(fed: Fed) -> Dated:
    return dated(fed.position, fed.event.event_id if isinstance(fed, Recorded) else None)
