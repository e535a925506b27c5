"""How the embedded profile's projections are doing."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from domain.errors import Unavailable
from domain.events import Recorded
from domain.ids import is_imported, millis_of
from domain.topics import name_of
from infra.replay_desk import status_of
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.steering import Steered
from projections.projection import Projection, StoreUnavailable
from read_api.ports import Owned, PartitionStatus, ProjectionStatus, ReplayStatus
from streams.dead_letters import Build
from streams.feed import Feed
from streams.local_progress import LocalProgress
from streams.process import this_process
from streams.runner import PARTITION

Replays = Callable[[], Awaitable[Sequence[Steered]]]

# An imported event's id says when its post was written, not when it came: look past it.
LOOKED_AT_MAX: Final = 100


async def no_replays() -> Sequence[Steered]:
    """Where none is ever under way."""
    return ()


async def by_generation(replays: Replays) -> Mapping[tuple[str, int, int], ReplayStatus]:
    """The replay of each generation that is being built; none where that cannot be told."""
    return {one.generation[:3]: status_of(one) for one in await _told(replays)}


async def by_name(replays: Replays) -> Mapping[str, ReplayStatus]:
    """The replay of what is to answer next, of each projection that has one; none where that cannot
    be told."""
    found = await _told(replays)
    return {one.generation.projection: status_of(one) for one in found if one.as_of is None}


async def _told(replays: Replays) -> Sequence[Steered]:
    try:
        return await replays()
    except StoreUnavailable:
        return ()


class LocalProjections:
    """Implements `read_api.ports.Projections`."""

    def __init__(
        self,
        projections: Sequence[Projection],
        progress: LocalProgress,
        feed: Feed,
        dead_letters: SqliteDeadLetters,
        *,
        generation: Callable[[str], int],
        now_ms: Callable[[], int],
        replays: Replays = no_replays,
    ) -> None:
        self._replays = replays
        self._projections = projections
        self._progress = progress
        self._feed = feed
        self._dead_letters = dead_letters
        self._generation = generation
        self._now_ms = now_ms

    async def status(self) -> Sequence[ProjectionStatus]:
        """See `Projections.status`."""
        letters, replays = await self._letters(), await by_name(self._replays)
        found = [await self._status(one, letters) for one in self._projections]
        return [one._replace(replay=replays.get(one.name)) for one in found]

    async def _status(
        self, projection: Projection, letters: Mapping[Build, int]
    ) -> ProjectionStatus:
        build = Build(projection.name, projection.version, self._generation(projection.name))
        position = self._progress.position(projection.name)
        head = max(self._feed.head(PARTITION), position)
        return ProjectionStatus(
            name=projection.name,
            version=projection.version,
            generation=build.generation,
            position=position,
            head=head,
            lag_events=head - position,
            lag_s=await self._age_s(position) if head > position else 0.0,
            stalled_by=self._progress.stalled_by(projection.name),
            dead_letters=letters.get(build, 0),
            partitions=(PartitionStatus(name_of(PARTITION), position, head),),
        )

    async def _age_s(self, position: int) -> float:
        return await lag_s(self._feed, PARTITION, position, self._now_ms())

    async def _letters(self) -> Mapping[Build, int]:
        try:
            return await self._dead_letters.counts()
        except StoreUnavailable:
            return {}


class OneOwner:
    """Implements `read_api.ports.Owners`: this process has every partition while it follows the
    log."""

    def __init__(self, names: Collection[str], follows: Callable[[], bool]) -> None:
        self._names = names
        self._follows = follows

    async def owned(self) -> Owned:
        """See `Owners.owned`."""
        if not self._follows():
            return {}
        return {name: {name_of(PARTITION): this_process()} for name in self._names}


async def lag_s(feed: Feed, partition: int, position: int, now_ms: int) -> float:
    """How many seconds ago the oldest event behind `position` happened that was not imported; 0
    where only imported ones are near."""
    try:
        unapplied = await feed.read(partition, position, LOOKED_AT_MAX)
    except Unavailable:
        return 0.0
    for fed in unapplied:
        if isinstance(fed, Recorded) and not is_imported(fed.event.event_id):
            return max(now_ms - millis_of(fed.event.event_id), 0) / 1_000
    return 0.0
