"""How projections are doing whose workers are other processes: as their stores say."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from domain.errors import Unavailable
from domain.topics import name_of, place_of
from infra.projection_status import Replays, by_name, lag_s, no_replays
from infra.readiness import Heads
from projections.projection import Projection, Store, StoreUnavailable
from projections.stores import Stores
from read_api.ports import PartitionStatus, ProjectionStatus
from streams.dead_letters import Build, TooManyParked
from streams.feed import Feed
from streams.registry import joined


class Log(Heads, Feed, Protocol):
    """A feed that can be asked how far the log is now."""


class Letters(Protocol):
    """Where events wait that could not be applied."""

    @property
    def parked_max(self) -> int:
        """How many a build may have: its workers stop before the next one."""

    async def counts(self) -> Mapping[Build, int]:
        """How many each build has that has any. Raises StoreUnavailable."""


class StoredProjections:
    """Implements `read_api.ports.Projections`: of the generations that answer here."""

    def __init__(
        self,
        stores: Stores,
        feed: Log,
        letters: Letters,
        *,
        generation: Callable[[str], int],
        now_ms: Callable[[], int],
        replays: Replays = no_replays,
    ) -> None:
        self._replays = replays
        self._stores = stores
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
        replays = asyncio.create_task(by_name(self._replays))
        found = await asyncio.gather(
            *(
                self._status(projection, store, heads, letters)
                for projection, store in joined(self._stores)
            )
        )
        under_way = await replays
        return [one._replace(replay=under_way.get(one.name)) for one in found]

    async def _status(
        self,
        projection: Projection,
        store: Store[Any],
        heads: Mapping[int, int],
        letters: Mapping[Build, int],
    ) -> ProjectionStatus:
        build = Build(projection.name, projection.version, self._generation(projection.name))
        topics = {event.TOPIC for event in projection.events}
        read = {p: head for p, head in heads.items() if place_of(p).topic in topics}
        stalled_by = None
        checkpoint: Mapping[int, int] = {}
        try:
            checkpoint = await store.checkpoint()
        except StoreUnavailable as error:
            stalled_by = str(error)
        # A worker may know a newer event than this process, where the log does not answer.
        read = {p: max(head, checkpoint.get(p, 0)) for p, head in read.items()}
        behind = {
            p: checkpoint.get(p, 0) for p, head in read.items() if checkpoint.get(p, 0) < head
        }
        waiting = letters.get(build, 0)
        if stalled_by is None and behind and waiting >= self._letters.parked_max:
            stalled_by = str(TooManyParked(waiting))
        head = sum(read.values())
        lag_events = sum(read[p] - position for p, position in behind.items())
        lags = await asyncio.gather(*(self._age_s(p, position) for p, position in behind.items()))
        return ProjectionStatus(
            name=projection.name,
            version=projection.version,
            generation=build.generation,
            position=head - lag_events,
            head=head,
            lag_events=lag_events,
            lag_s=max(lags, default=0.0),
            stalled_by=stalled_by,
            dead_letters=waiting,
            partitions=tuple(
                PartitionStatus(name_of(p), behind.get(p, head), head)
                for p, head in sorted(read.items())
            ),
        )

    async def _age_s(self, partition: int, position: int) -> float:
        return await lag_s(self._feed, partition, position, self._now_ms())
