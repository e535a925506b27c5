"""Building a generation of a projection on the engines as of a moment that is past.

As `cluster_replay`, in a process of its own; but no worker follows the log with it, and it never
answers in place of the live one.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from math import inf

from domain.moments import Moment
from infra.engines import engines_of
from infra.generations import Plan, Reached, SideGeneration
from infra.moments import Steady, ends_of, reached
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_moments import dated_log
from infra.profiles.cluster_replay import fill_in_lanes, lane_of
from infra.profiles.names import Names
from infra.settings import Settings
from infra.stamps import wall_clock_ms
from projections.projection import Projection
from streams.rebuild import Rebuilt


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
        ends, helm = ends_of(one.moment, projection), Steady(per_s_max)
        await fill_in_lanes(self._shared, self._settings, one.build, ends, report=report, helm=helm)

    async def done(self, one: SideGeneration) -> int:
        """How many events it has."""
        lane = await lane_of(self._shared, self._settings, one.build)
        return sum((await lane.store.checkpoint()).values())


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
                return Plan(one.build.number, await replays.done(one), total)
        known = await replays.generations.of(projection)
        return Plan(known[-1].number + 1, 0, total)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[_PastReplays]:
    async with AsyncExitStack() as opening:
        clients = Clients(engines_of(settings), Names(settings.namespace), opening)
        yield _PastReplays(settings, await ClusterLog.open(clients, opening, settings))
