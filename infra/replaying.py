"""Building a new generation of a projection of the embedded profile, in a process of its own.

It reads the log's file beside the server and writes a file that nobody else has open yet, so it
neither stops the server nor takes its turns. Killed, it goes on where it was.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from infra.folder import projection_file
from infra.profiles.embedded_stores import Surroundings, opened
from infra.settings import Settings
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.feed import PARTITION, SqliteFeed
from infra.sqlite.generations import Generation, SqliteGenerations
from infra.sqlite.home_timelines import DEPTH
from infra.sqlite.keyring import SqliteKeyring
from infra.stamps import wall_clock_ms
from projections.projection import Projection
from streams.envelope import Codec
from streams.pipeline import Pipeline
from streams.rebuild import Rebuilt, rebuild

LOG_FILE: Final = "log.db"


class AlreadyBuilt(Exception):
    """Another process builds a generation of this projection."""


async def replay(
    settings: Settings,
    projection: Projection,
    report: Callable[[Rebuilt], None],
    *,
    per_s_max: float = float("inf"),
) -> Generation:
    """Bring a generation up to where the log is now, a new one or the one that was begun.

    Raises AlreadyBuilt, Paused.
    """
    folder = settings.data_path
    with ExitStack() as open_now:
        open_now.enter_context(_alone(folder, projection))
        known = open_now.enter_context(closing(SqliteGenerations(folder / "generations.db")))
        keyring = open_now.enter_context(closing(SqliteKeyring(folder / "keys.db")))
        feed = open_now.enter_context(closing(SqliteFeed(folder / LOG_FILE, Codec(keyring))))
        letters = open_now.enter_context(closing(SqliteDeadLetters(folder / "dead_letters.db")))
        one = known.begin(projection)
        path = projection_file(folder, *one[:3])
        store = opened(projection, path, Surroundings(settings, wall_clock_ms, DEPTH))
        open_now.enter_context(closing(store))
        pipeline = Pipeline(projection, store, letters, stalled=lambda _name, _error: None)
        ends = {PARTITION: feed.head(PARTITION)}
        await rebuild(pipeline, feed, ends, report=report, per_s_max=per_s_max)
        return one


@contextmanager
def _alone(folder: Path, projection: Projection) -> Iterator[None]:
    lock = os.open(folder / "projections" / f"{projection.name}.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise AlreadyBuilt(f"{projection.name} is being built by another process") from error
    finally:
        os.close(lock)
