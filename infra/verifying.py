"""Proving that live views equal the log, beside whoever serves.

The log is folded into a SQLite file in a temporary folder, whatever engine the view is on. Of the
embedded profile a copy of the live file is asked, which stands still; on the engines the live store
itself, while it follows the log.
"""

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

from domain.errors import Unavailable
from infra.folder import projection_file
from infra.profiles.embedded_stores import Surroundings, opened
from infra.settings import Settings
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.generations import SqliteGenerations
from infra.sqlite.home_timelines import DEPTH
from infra.sqlite.keyring import SqliteKeyring
from infra.stamps import wall_clock_ms
from projections.projection import Projection, Store, StoreUnavailable
from streams.answers.fold import Fold
from streams.answers.proof import Positions, Step, Verdict, View, verify
from streams.answers.questions import QUESTIONS
from streams.envelope import Codec
from streams.feed import Feed
from streams.pipeline import Paused

LOG_FILE: Final = "log.db"
UNTOLD: Final = (Paused, StoreUnavailable, Unavailable, TimeoutError, OSError, sqlite3.Error)

Report = Callable[[str, Step], None]


class Installation(Protocol):
    """Where the log and the views are."""

    @property
    def feed(self) -> Feed: ...

    async def view(self, projection: Projection, folder: Path, opened_here: AsyncExitStack) -> View:
        """The live generation's; the folder is for what it needs. Raises Unavailable."""


async def verdicts(
    settings: Settings, projections: Sequence[Projection], report: Report, sample: int | None
) -> AsyncIterator[Verdict]:
    """What can be told of each projection, one after the other."""
    around = Surroundings(settings, wall_clock_ms, DEPTH)
    async with AsyncExitStack() as opening:
        there = await opening.enter_async_context(_installation(around))
        for projection in projections:
            try:
                yield await _verdict(there, projection, around, report, sample)
            except UNTOLD as error:
                reason = str(error) or "it did not get there in time"
                yield Verdict(projection.name, error=reason)


async def _verdict(
    there: Installation,
    projection: Projection,
    around: Surroundings,
    report: Report,
    sample: int | None,
) -> Verdict:
    async with AsyncExitStack() as open_now:
        made = open_now.enter_context(tempfile.TemporaryDirectory(prefix="starling-verify-"))
        folder = Path(made)
        view = await there.view(projection, folder, open_now)
        scratch = open_now.enter_context(_opened(projection, folder / "fold.db", around))
        kinds = [question.kind for question in QUESTIONS[projection.name]]
        fold = Fold(projection, scratch, there.feed, kinds)

        def told(step: Step) -> None:
            report(projection.name, step)

        return await verify(projection, view, fold, told, sample=sample)


@contextmanager
def _opened(projection: Projection, path: Path, around: Surroundings) -> Any:
    store = opened(projection, path, around)
    with closing(store):
        yield store


@asynccontextmanager
async def _installation(around: Surroundings) -> AsyncIterator[Installation]:
    if around.settings.profile == "cluster":
        # Imported here: it needs the clients of the engines, which the embedded profile has not.
        from infra.profiles.cluster_verifying import on_engines  # noqa: PLC0415

        async with on_engines(around.settings) as engines:
            yield engines
        return
    with ExitStack() as open_now:
        folder = around.settings.data_path
        keyring = open_now.enter_context(closing(SqliteKeyring(folder / "keys.db")))
        log = SqliteFeed(folder / LOG_FILE, Codec(keyring))
        yield _Folder(around, open_now.enter_context(closing(log)))


class _Folder:
    """A data folder of the embedded profile, whether or not somebody serves it."""

    def __init__(self, around: Surroundings, feed: SqliteFeed) -> None:
        self._around = around
        self.feed = feed

    async def view(self, projection: Projection, folder: Path, opened_here: AsyncExitStack) -> View:
        """See `Installation.view`."""
        data = self._around.settings.data_path
        with closing(SqliteGenerations(data / "generations.db")) as known:
            live = projection_file(data, *known.live(projection)[:3])
        if not live.is_file():
            raise Unavailable(f"{live.name} is not there")
        copy = _Copy(live, folder, lambda path: opened(projection, path, self._around))
        opened_here.callback(copy.close)
        await copy.renew()
        return copy


class _Copy:
    """A copy of a live file, which stands still. Implements `View`."""

    store: Store[Any]

    def __init__(self, live: Path, folder: Path, opened_at: Callable[[Path], Any]) -> None:
        self._live = live
        self._folder = folder
        self._opened_at = opened_at
        self._copies = count(1)
        self._path: Path | None = None

    async def renew(self) -> None:
        """See `View.renew`. The log is read beside it: an event of the copy is there by then."""
        self.close()
        self._path = self._folder / f"copy{next(self._copies)}.db"
        with (
            closing(sqlite3.connect(self._live)) as live,
            closing(sqlite3.connect(self._path)) as copy,
        ):
            live.backup(copy)
        self._opened: Any = self._opened_at(self._path)
        self.store = self._opened

    async def furthest(self) -> Positions:
        """See `View.furthest`."""
        found: Mapping[int, int] = await self.store.checkpoint()
        return found

    def close(self) -> None:
        """Let the copy go."""
        if self._path is not None:
            self._opened.close()
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._path = None
