"""Building a generation of a projection of the embedded profile as of a moment that is past.

As `infra.replaying`, in a process of its own beside the server; but it never answers in place of
the live one, and nobody follows the log with it.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing

from domain.moments import Moment
from infra.folder_log import FolderLog
from infra.generations import Plan, SideGeneration
from infra.moments import ends_of, reached
from infra.replaying import alone, feed_of, fill, store_of
from infra.settings import Settings
from infra.sqlite.feed import PARTITION
from infra.sqlite.generations import SqliteGenerations
from infra.sqlite.moments import SqliteMoments
from infra.stamps import wall_clock_ms
from projections.projection import Projection
from streams.rebuild import Rebuilt


async def replay_past(
    settings: Settings,
    projection: Projection,
    moment: Moment,
    report: Callable[[Rebuilt], None],
    *,
    per_s_max: float | None = None,
    resume: bool = False,
) -> SideGeneration:
    """Build the projection's generation as of the moment, or go on where that was left, as it is
    told meanwhile (see `infra.replaying.replay`).

    Raises AlreadyBuilt, Paused, Cancelled, Conflict where the log has not come so far.
    """
    folder = settings.data_path
    with ExitStack() as open_now:
        open_now.enter_context(alone(folder, projection))
        feed, moments = feed_of(folder, open_now), _moments(settings, open_now)
        known = open_now.enter_context(closing(SqliteGenerations(folder / "generations.db")))
        found = await reached(moment, moments, FolderLog(feed), wall_clock_ms)
        one = await moments.begin(projection, found)
        await known.orders.begin(one.build, per_s_max=per_s_max, resume=resume)
        end = ends_of(one.moment, projection)[PARTITION]
        async with known.orders.building(one.build):
            await fill(settings, one.build, feed, end, known.orders, report=report)
        await moments.finish(one)
        await known.orders.end(one.build)
        return one


async def planned_past(settings: Settings, projection: Projection, moment: Moment) -> Plan:
    """What that would do now. Nothing is made or changed. Raises Conflict."""
    folder = settings.data_path
    with ExitStack() as open_now:
        feed, moments = feed_of(folder, open_now), _moments(settings, open_now)
        found = await reached(moment, moments, FolderLog(feed), wall_clock_ms)
        total = sum(ends_of(found, projection).values())
        for one in await moments.every():
            if (*one.build[:2], one.moment) == (projection.name, projection.version, found):
                store = open_now.enter_context(closing(store_of(settings, one.build)))
                return Plan(one.build.number, sum((await store.checkpoint()).values()), total)
        with closing(SqliteGenerations(folder / "generations.db")) as generations:
            return Plan(generations.of(projection)[-1].number + 1, 0, total)


def _moments(settings: Settings, open_now: ExitStack) -> SqliteMoments:
    return open_now.enter_context(closing(SqliteMoments(settings.data_path / "generations.db")))
