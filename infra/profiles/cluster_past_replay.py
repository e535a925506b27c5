"""Building a generation of a projection on the engines as of a moment that is past.

As `cluster_replay`, in a process of its own; but no worker follows the log with it, and it never
answers in place of the live one.
"""

from functools import partial

from domain.moments import Moment
from infra.generations import Plan, Reached
from infra.moments import ends_of, reached
from infra.profiles.cluster_filling import Filling, Report
from infra.profiles.cluster_moments import dated_log
from infra.profiles.waiting import connected, entered
from infra.settings import Settings
from infra.stamps import wall_clock_ms
from projections.projection import Projection


async def replayed_past(
    settings: Settings,
    projection: Projection,
    moment: Moment,
    report: Report,
    *,
    per_s_max: float | None = None,
    resume: bool = False,
    processes: int = 1,
) -> tuple[int, int]:
    """Build the projection's generation as of the moment, or go on where that was left (see
    `Filling.fill_as_told`): its number, and that of the one that answers. Outages are waited for
    once it is known which positions the moment means.

    Raises AlreadyBuilt, Paused, Cancelled, Conflict where the log has not come so far, Unavailable,
    StoreUnavailable.
    """
    async with Filling.opened(settings) as filling:
        moments, generations = filling.shared.moments(), filling.shared.generations()
        there = filling.postgresql
        async with entered(*there, partial(generations.alone, projection)):
            found = await _reached(filling, moment)
            one = await connected(*there, partial(moments.begin, projection, found))
            ends = ends_of(one.moment, projection)
            async with entered(*there, partial(generations.orders.building, one.build)):
                await filling.fill_as_told(
                    one.build, ends, report, per_s_max=per_s_max, resume=resume, processes=processes
                )
            await connected(*there, partial(moments.finish, one))
            await connected(*there, partial(generations.orders.end, one.build))
            live = await connected(*there, partial(generations.live, projection))
            return one.build.number, live.number


async def planned_past(settings: Settings, projection: Projection, moment: Moment) -> Plan:
    """What that would do now. Raises Conflict, Unavailable, StoreUnavailable."""
    async with Filling.opened(settings) as filling:
        found = await _reached(filling, moment)
        total = sum(ends_of(found, projection).values())
        for one in await filling.shared.moments().every():
            if (*one.build[:2], one.moment) == (projection.name, projection.version, found):
                return Plan(one.build.number, await filling.done(one.build), total)
        known = await filling.shared.generations().of(projection)
        return Plan(known[-1].number + 1, 0, total)


async def _reached(filling: Filling, moment: Moment) -> Reached:
    """Which positions the moment means. Raises Conflict, Unavailable, StoreUnavailable."""
    async with dated_log(filling.shared) as log:
        return await reached(moment, filling.shared.moments(), log, wall_clock_ms)
