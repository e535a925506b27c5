"""How projections are doing whose workers are other processes: as their stores say."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from domain.errors import Unavailable
from domain.topics import place_of
from infra.projection_status import lag_s
from infra.readiness import Heads
from projections.projection import Projection, Store, StoreUnavailable
from read_api.ports import ProjectionStatus
from streams.feed import Feed


class Log(Heads, Feed, Protocol):
    """A feed that can be asked how far the log is now."""


class Letters(Protocol):
    """Where events wait that could not be applied."""

    async def counts(self) -> Mapping[str, int]:
        """Of each projection that has some. Raises StoreUnavailable."""


class StoredProjections:
    """Implements `read_api.ports.Projections`."""

    def __init__(
        self,
        filled: Sequence[tuple[Projection, Store[Any]]],
        feed: Log,
        letters: Letters,
        *,
        generation: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._filled = filled
        self._feed = feed
        self._letters = letters
        self._generation = generation
        self._now_ms = now_ms

    async def status(self) -> Sequence[ProjectionStatus]:
        """See `Projections.status`. Where the log does not answer, what came here is its head."""
        try:
            heads = await self._feed.positions()
        except Unavailable:
            heads = {partition: self._feed.head(partition) for partition in self._feed.partitions}
        try:
            letters = await self._letters.counts()
        except StoreUnavailable:
            letters = {}
        return await asyncio.gather(
            *(
                self._status(projection, store, heads, letters.get(projection.name, 0))
                for projection, store in self._filled
            )
        )

    async def _status(
        self, projection: Projection, store: Store[Any], heads: Mapping[int, int], letters: int
    ) -> ProjectionStatus:
        topics = {event.TOPIC for event in projection.events}
        read = {p: head for p, head in heads.items() if place_of(p).topic in topics}
        stalled_by = None
        checkpoint: Mapping[int, int] = {}
        try:
            checkpoint = await store.checkpoint()
        except StoreUnavailable as error:
            stalled_by = str(error)
        behind = {
            p: checkpoint.get(p, 0) for p, head in read.items() if checkpoint.get(p, 0) < head
        }
        head = sum(read.values())
        lag_events = sum(read[p] - position for p, position in behind.items())
        lags = await asyncio.gather(*(self._age_s(p, position) for p, position in behind.items()))
        return ProjectionStatus(
            name=projection.name,
            version=projection.version,
            generation=self._generation,
            position=head - lag_events,
            head=head,
            lag_events=lag_events,
            lag_s=max(lags, default=0.0),
            stalled_by=stalled_by,
            dead_letters=letters,
        )

    async def _age_s(self, partition: int, position: int) -> float:
        return await lag_s(self._feed, partition, position, self._now_ms())
