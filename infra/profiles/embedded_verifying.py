"""What a proof needs of a data folder, and where events are applied again, whether or not somebody
serves it."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from itertools import count
from pathlib import Path
from typing import Any, Final

from domain.errors import Unavailable
from domain.events import Recorded
from infra.control.client import NobodyServes, RequestFailed, ask
from infra.control.requests import AppliedAgain, ApplyAgain
from infra.folder import DataFolder, FolderInUse, projection_file
from infra.generations import Generation
from infra.profiles.embedded_stores import Surroundings, opened
from infra.replaying import alone
from infra.sqlite.feed import PARTITION, SqliteFeed
from infra.sqlite.generations import SqliteGenerations
from projections.projection import Projection, Store
from streams.answers.proof import Positions, View
from streams.dead_letters import Build, Parked
from streams.reapply import Sink, StoreSink, Taken

# A server locks its folder a moment before it listens.
STARTING_S: Final = 5.0
RETRY_S: Final = 0.1


class OnFolder:
    """Implements `infra.verifying.Installation`."""

    def __init__(self, around: Surroundings, feed: SqliteFeed) -> None:
        self.feed = feed
        self._around = around
        self._data = around.settings.data_path

    async def live(self, projection: Projection) -> Generation:
        """See `Installation.live`."""
        with closing(SqliteGenerations(self._data / "generations.db")) as known:
            return known.live(projection)

    async def ends(self, projection: Projection) -> Positions:
        """See `Installation.ends`."""
        del projection
        return {PARTITION: self.feed.head(PARTITION)}

    async def view(
        self, projection: Projection, of: Generation, folder: Path, opened_here: AsyncExitStack
    ) -> View:
        """See `Installation.view`: a copy of its file."""
        path = projection_file(self._data, *of[:3])
        if not path.is_file():
            raise Unavailable(f"{path.name} is not there")
        copy = _Copy(path, folder, lambda path: opened(projection, path, self._around))
        opened_here.callback(copy.close)
        await copy.renew()
        return copy

    @asynccontextmanager
    async def sink(self, projection: Projection) -> AsyncIterator[Sink]:
        """See `Installation.sink`: the server that serves the folder, which has rows in memory;
        where there is none the folder is ours meanwhile."""
        with alone(self._data, projection):
            try:
                folder = DataFolder(self._data)
            except FolderInUse:
                yield _ServerSink(self._data, await self.live(projection))
                return
            with folder:
                path = folder.projection(*(await self.live(projection))[:3])
                with closing(opened(projection, path, self._around)) as store:
                    yield StoreSink(projection, store, stalled=lambda _name, _error: None)


class _ServerSink:
    """The live store of the process that serves a folder. Implements `Sink`."""

    def __init__(self, data: Path, live: Generation) -> None:
        self._data = data
        self._live = live

    async def take(self, batch: Sequence[Recorded]) -> Taken:
        """See `Sink.take`."""
        positions = tuple(one.position for one in batch)
        request = ApplyAgain(self._live.projection, self._live.number, positions)
        done = await asyncio.to_thread(self._asked, request)
        build = Build(*self._live[:3])
        return Taken(
            done.applied,
            [Parked(build, PARTITION, one.position, None, one.error) for one in done.failed],
        )

    def _asked(self, request: ApplyAgain) -> AppliedAgain:
        patience_until = time.monotonic() + STARTING_S
        while True:
            try:
                result = ask(self._data, request, lambda _progress: None)
            except RequestFailed as error:
                raise Unavailable(str(error)) from error
            except NobodyServes as error:
                if time.monotonic() > patience_until:
                    raise Unavailable(f"{self._data} is in use by another process") from error
                time.sleep(RETRY_S)
                continue
            if not isinstance(result, AppliedAgain):
                raise Unavailable(f"The server answered something else: {result!r}")
            return result


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
