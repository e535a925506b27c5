"""Building a new generation of a projection of the embedded profile, in a process of its own.

It reads the log's file beside the server and writes a file that nobody else has open yet, so it
neither stops the server nor takes its turns. Killed, it goes on where it was.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from infra.folder import LOG_FILE, projection_file
from infra.generations import AlreadyBuilt, Generation, Plan
from infra.profiles.embedded_stores import Surroundings, opened
from infra.profiles.waiting import Standstill
from infra.settings import Settings
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.feed import PARTITION, SqliteFeed
from infra.sqlite.generations import SqliteGenerations
from infra.sqlite.home_timelines import DEPTH
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.log_sample import LogSample
from infra.sqlite.replay_orders import SqliteReplayOrders
from infra.stamps import wall_clock_ms
from infra.steering import Steering
from projections.projection import Projection
from streams.envelope import Codec
from streams.pipeline import Pipeline
from streams.rebuild import Outlook, Rebuilt, rebuild
from streams.registry import projection_named


async def replay(
    settings: Settings,
    projection: Projection,
    report: Callable[[Rebuilt], None],
    *,
    per_s_max: float | None = None,
    resume: bool = False,
) -> Generation:
    """Bring a generation up to where the log is now, a new one or the one that was begun, as it is
    told meanwhile (`infra.steering`): what it was told before holds but for the pace that is given
    here, and for a pause that is to end (`resume`).

    Raises AlreadyBuilt, Paused, Cancelled.
    """
    folder = settings.data_path
    with ExitStack() as open_now:
        open_now.enter_context(alone(folder, projection))
        known = open_now.enter_context(closing(SqliteGenerations(folder / "generations.db")))
        feed = feed_of(folder, open_now)
        one = _unopened(folder, known, projection) or known.begin(projection)
        await known.orders.begin(one, per_s_max=per_s_max, resume=resume)
        async with known.orders.building(one):
            await fill(settings, one, feed, feed.head(PARTITION), known.orders, report=report)
        await known.orders.end(one)
        return one


async def fill(
    settings: Settings,
    one: Generation,
    feed: SqliteFeed,
    end: int,
    orders: SqliteReplayOrders,
    *,
    report: Callable[[Rebuilt], None],
) -> None:
    """Bring a generation up to a position of the log, as it is told meanwhile. Raises Paused,
    Cancelled."""
    folder, projection = settings.data_path, projection_named(one.projection)
    letters = SqliteDeadLetters(folder / "dead_letters.db", parked_max=settings.parked_max)
    store = store_of(settings, one)
    with closing(letters), closing(store):
        pipeline = Pipeline(
            projection,
            store,
            letters,
            stalled=Standstill().told,
            generation=one.number,
        )
        await rebuild(
            pipeline,
            feed,
            {PARTITION: end},
            report=report,
            helm=Steering(partial(orders.of, one), partial(orders.tell, one)),
            outlook=_outlook(projection, folder, end),
        )


def store_of(settings: Settings, one: Generation) -> Any:
    """A generation's store, opened; its file is made if it is not there."""
    path = projection_file(settings.data_path, *one[:3])
    around = Surroundings(settings, wall_clock_ms, DEPTH)
    return opened(projection_named(one.projection), path, around)


def _outlook(projection: Projection, folder: Path, head: int) -> Outlook:
    wanted = {event.TYPE for event in projection.events}
    return Outlook(LogSample.of(folder / LOG_FILE, head).kinds, wanted.__contains__)


def _unopened(folder: Path, known: SqliteGenerations, projection: Projection) -> Generation | None:
    """The live generation of a shape that no server has opened yet: a new program, before it is
    served, fills it beside the old one, and begins with a whole view."""
    live = known.live(projection)
    return None if projection_file(folder, *live[:3]).exists() else live


def planned(settings: Settings, projection: Projection) -> Plan:
    """What a replay would do now. Nothing is made or changed."""
    folder = settings.data_path
    with ExitStack() as open_now:
        known = open_now.enter_context(closing(SqliteGenerations(folder / "generations.db")))
        head = feed_of(folder, open_now).head(PARTITION)
        *_, newest = generations = known.of(projection)
        for one in generations:
            if one.state == "building":
                return Plan(one.number, _reached(projection_file(folder, *one[:3])), head)
        return Plan(newest.number + 1, 0, head)


def _reached(path: Path) -> int:
    """How far the store in a file is, which may not be there yet."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
        try:
            rows = file.execute("SELECT MAX(position) FROM checkpoints").fetchall()
        except sqlite3.OperationalError:
            return 0
    return rows[0][0] or 0


def feed_of(folder: Path, open_now: ExitStack) -> SqliteFeed:
    """The log in a folder."""
    keyring = open_now.enter_context(closing(SqliteKeyring(folder / "keys.db")))
    return open_now.enter_context(closing(SqliteFeed(folder / LOG_FILE, Codec(keyring))))


def live(settings: Settings, projection: Projection) -> Generation:
    """The generation that answers."""
    with closing(SqliteGenerations(settings.data_path / "generations.db")) as known:
        return known.live(projection)


@contextmanager
def alone(folder: Path, projection: Projection) -> Iterator[None]:
    """Nobody else builds or drops generations of the projection while this lasts; the death of
    the process ends it too. Raises AlreadyBuilt."""
    lock = os.open(folder / "projections" / f"{projection.name}.lock", os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyBuilt(f"{projection.name} is being built by another process") from error
        yield
    finally:
        os.close(lock)
