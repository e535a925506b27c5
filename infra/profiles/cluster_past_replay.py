"""Building a generation of a projection on the engines as of a moment that is past.

As `cluster_replay`, in a process of its own; but no worker follows the log with it, and it never
answers in place of the live one.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from math import inf
from typing import Any, Final

from domain.moments import Moment
from infra.engines import engines_of
from infra.generations import Plan, Reached, SideGeneration
from infra.kafka.archive import ArchiveFeed
from infra.kafka.feed import KafkaFeed
from infra.moments import Steady, ends_of, reached
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_moments import dated_log
from infra.profiles.cluster_replay import WholeLog
from infra.profiles.cluster_stores import opened
from infra.profiles.names import Names
from infra.settings import Settings
from infra.stamps import wall_clock_ms
from projections.projection import Projection
from streams.pipeline import Pipeline
from streams.rebuild import Rebuilt, rebuild_in_lanes

# Partitions that are read and applied at once: while one waits for its engine another decodes.
LANES: Final = 4


class _PastReplays:
    """What that needs of an installation."""

    def __init__(self, settings: Settings, shared: ClusterLog) -> None:
        self._settings = settings
        self._shared = shared
        self.moments = shared.moments()
        self.generations = shared.generations()

    async def reached(self, moment: Moment) -> Reached:
        """Which positions the moment means. Raises Conflict, Unavailable, StoreUnavailable."""
        async with dated_log(self._shared) as log:
            return await reached(moment, self.moments, log, wall_clock_ms)

    async def fill(
        self,
        one: SideGeneration,
        projection: Projection,
        report: Callable[[Rebuilt], None],
        per_s_max: float,
    ) -> None:
        """Bring it to its moment."""
        shared = self._shared
        archive = ArchiveFeed(await shared.archive(), shared.codec, await shared.topics.describe())
        topics = KafkaFeed(shared.servers, shared.codec, prefix=shared.prefix)
        lanes = [await self._lane(one, projection) for _ in range(LANES)]
        ends = ends_of(one.moment, projection)
        try:
            await rebuild_in_lanes(
                lanes, WholeLog(archive, topics), ends, report=report, helm=Steady(per_s_max)
            )
        except ExceptionGroup as group:
            raise _first(group) from group

    async def done(self, one: SideGeneration, projection: Projection) -> int:
        """How many events it has."""
        store = await self._store(one, projection)
        return sum((await store.checkpoint()).values())

    async def _lane(self, one: SideGeneration, projection: Projection) -> Pipeline:
        return Pipeline(
            projection,
            await self._store(one, projection),
            self._shared.dead_letters(),
            stalled=lambda _name, _error: None,
            generation=one.build.number,
        )

    async def _store(self, one: SideGeneration, projection: Projection) -> Any:
        return await opened(
            projection,
            self._shared.clients,
            self._settings,
            generation=one.build.number,
            caching="none",
        )


async def replayed_past(
    settings: Settings,
    projection: Projection,
    moment: Moment,
    report: Callable[[Rebuilt], None],
    *,
    per_s_max: float = inf,
) -> tuple[int, int]:
    """Build the projection's generation as of the moment, or go on where that was left: its
    number, and that of the one that answers.

    Raises AlreadyBuilt, Paused, Conflict where the log has not come so far, Unavailable,
    StoreUnavailable.
    """
    async with _opened(settings) as replays, replays.generations.alone(projection):
        one = await replays.moments.begin(projection, await replays.reached(moment))
        await replays.fill(one, projection, report, per_s_max)
        await replays.moments.finish(one)
        return one.build.number, (await replays.generations.live(projection)).number


async def planned_past(settings: Settings, projection: Projection, moment: Moment) -> Plan:
    """What that would do now. Raises Conflict, Unavailable, StoreUnavailable."""
    async with _opened(settings) as replays:
        found = await replays.reached(moment)
        total = sum(ends_of(found, projection).values())
        for one in await replays.moments.every():
            if (*one.build[:2], one.moment) == (projection.name, projection.version, found):
                return Plan(one.build.number, await replays.done(one, projection), total)
        known = await replays.generations.of(projection)
        return Plan(known[-1].number + 1, 0, total)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[_PastReplays]:
    async with AsyncExitStack() as opening:
        clients = Clients(engines_of(settings), Names(settings.namespace), opening)
        yield _PastReplays(settings, await ClusterLog.open(clients, opening, settings))


def _first(error: BaseException) -> BaseException:
    """Of several lanes that ended, why the first one did."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
