"""Building a generation of a projection of the embedded profile as of a moment that is past.

As `infra.replaying`, in a process of its own beside the server; but it never answers in place of
the live one, and nobody follows the log with it.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from math import inf
from typing import Any

from domain.moments import Moment
from infra.folder import LOG_FILE, projection_file
from infra.folder_log import FolderLog
from infra.generations import Plan, SideGeneration
from infra.moments import Steady, ends_of, reached
from infra.profiles.embedded_stores import Surroundings, opened
from infra.replaying import alone
from infra.settings import Settings
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.generations import SqliteGenerations
from infra.sqlite.home_timelines import DEPTH
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.moments import SqliteMoments
from infra.stamps import wall_clock_ms
from projections.projection import Projection
from streams.envelope import Codec
from streams.pipeline import Pipeline
from streams.rebuild import Rebuilt, rebuild


async def replay_past(
    settings: Settings,
    projection: Projection,
    moment: Moment,
    report: Callable[[Rebuilt], None],
    *,
    per_s_max: float = inf,
) -> SideGeneration:
    """Build the projection's generation as of the moment, or go on where that was left.

    Raises AlreadyBuilt, Paused, Conflict where the log has not come so far.
    """
    with ExitStack() as open_now:
        open_now.enter_context(alone(settings.data_path, projection))
        feed, known = _feed(settings, open_now), _known(settings, open_now)
        found = await reached(moment, known, FolderLog(feed), wall_clock_ms)
        one = await known.begin(projection, found)
        letters = SqliteDeadLetters(
            settings.data_path / "dead_letters.db", parked_max=settings.parked_max
        )
        pipeline = Pipeline(
            projection,
            _store(settings, one, projection, open_now),
            open_now.enter_context(closing(letters)),
            stalled=lambda _name, _error: None,
            generation=one.build.number,
        )
        ends = ends_of(one.moment, projection)
        await rebuild(pipeline, feed, ends, report=report, helm=Steady(per_s_max))
        await known.finish(one)
        return one


async def planned_past(settings: Settings, projection: Projection, moment: Moment) -> Plan:
    """What that would do now. Nothing is made or changed. Raises Conflict."""
    with ExitStack() as open_now:
        feed, known = _feed(settings, open_now), _known(settings, open_now)
        found = await reached(moment, known, FolderLog(feed), wall_clock_ms)
        total = sum(ends_of(found, projection).values())
        for one in await known.every():
            if (*one.build[:2], one.moment) == (projection.name, projection.version, found):
                store = _store(settings, one, projection, open_now)
                return Plan(one.build.number, sum((await store.checkpoint()).values()), total)
        with closing(SqliteGenerations(settings.data_path / "generations.db")) as generations:
            return Plan(generations.of(projection)[-1].number + 1, 0, total)


def _feed(settings: Settings, open_now: ExitStack) -> SqliteFeed:
    folder = settings.data_path
    keyring = open_now.enter_context(closing(SqliteKeyring(folder / "keys.db")))
    return open_now.enter_context(closing(SqliteFeed(folder / LOG_FILE, Codec(keyring))))


def _known(settings: Settings, open_now: ExitStack) -> SqliteMoments:
    return open_now.enter_context(closing(SqliteMoments(settings.data_path / "generations.db")))


def _store(
    settings: Settings, one: SideGeneration, projection: Projection, open_now: ExitStack
) -> Any:
    path = projection_file(settings.data_path, *one.build[:3])
    store = opened(projection, path, Surroundings(settings, wall_clock_ms, DEPTH))
    return open_now.enter_context(closing(store))
