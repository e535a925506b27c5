"""The embedded profile: one process, SQLite files in one folder, no servers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from commands.ports import Ports
from infra.account_bodies import KeptBodies
from infra.counters import ViewCounters
from infra.folder import LOG_FILE, DataFolder
from infra.live_hub import LiveHub
from infra.local_identity import LocalIdentity
from infra.local_identity.passwords import Cost
from infra.metrics import Metrics
from infra.profiles.embedded_generations import EmbeddedGenerations
from infra.profiles.embedded_past import past_views
from infra.profiles.embedded_remains import EmbeddedRemains
from infra.profiles.embedded_stores import Surroundings
from infra.projection_status import LocalProjections, OneOwner
from infra.readiness import EmbeddedParts
from infra.settings import Settings
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.event_log import SqliteEventLog
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.home_timelines import DEPTH
from infra.sqlite.idempotency import SqliteIdempotency
from infra.sqlite.identity import SqliteIdentityStore
from infra.sqlite.import_index import SqliteImportIndex
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.leases import SqliteLeases
from infra.sqlite.moments import SqliteMoments
from infra.sqlite.recorder import create_log
from infra.sqlite.refusals import SqliteRefusals
from infra.stamps import LeasedStamps, wall_clock_ms
from projections.projection import StoreUnavailable
from read_api.views import Views
from streams.envelope import NO_ORIGIN, Codec, Origin
from streams.local_progress import LocalProgress
from streams.registry import joined
from streams.runner import LocalRunner
from web.request_id import current as current_request

# How a view's file says, on the way of a read, that it cannot be reached.
OUTAGES: Final = (StoreUnavailable, sqlite3.OperationalError)
LOWEST_COST: Final = Cost(passes=1, memory_kib=8, lanes=1)


class Closable(Protocol):
    """Something that holds files open."""

    @property
    def close(self) -> Callable[[], None]:
        """Let them go."""


ClosableT = TypeVar("ClosableT", bound=Closable)


class Embedded:
    """Everything one process needs, opened on a data folder and closed in reverse order.

    `home_depth` is how many items are kept ready for each reader. Raises FolderInUse where another
    process serves the folder.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        crashed: Callable[[str, BaseException], None],
        clock_ms: Callable[[], int] = wall_clock_ms,
        home_depth: int = DEPTH,
    ) -> None:
        self._opened = ExitStack()
        with ExitStack() as undo:
            undo.callback(self._opened.close)
            self.folder = self._opened.enter_context(DataFolder(settings.data_path))
            self._open_feed()
            letters = self._file("dead_letters.db")
            self.dead_letters = self._closing(
                SqliteDeadLetters(letters, parked_max=settings.parked_max)
            )
            self.views = self._open_views(Surroundings(settings, clock_ms, home_depth))
            self._open_runner(crashed, clock_ms)
            self._open_log(clock_ms)
            self._open_identity(settings)
            undo.pop_all()
        self.ports = Ports(
            log=self.metrics.measured_log(self.log),
            stamps=self.stamps,
            handles=self.keyring,
            identity=self.identity,
            refusals=self.refusals,
            idempotency=self.idempotency,
            counters=ViewCounters(self.views),
        )

    @property
    def data_path(self) -> Path:
        """See `Profile.data_path`."""
        return self.folder.path

    @property
    def keys(self) -> SqliteKeyring:
        """See `Profile.keys`."""
        return self.keyring

    @property
    def remains(self) -> EmbeddedRemains:
        """See `Profile.remains`."""
        return EmbeddedRemains(self.folder, self.generations, self.keyring)

    @property
    def parts(self) -> EmbeddedParts:
        """See `Profile.parts`."""
        return EmbeddedParts(self.log, self.projections)

    @property
    def projection_names(self) -> frozenset[str]:
        """See `Profile.projection_names`."""
        return self.progress.names

    @property
    def outages(self) -> tuple[type[Exception], ...]:
        """See `Profile.outages`."""
        return OUTAGES

    def start(self) -> None:
        """Let the projections follow the log."""
        self.runner.start()
        self._opened.callback(self.runner.stop)

    def begin_reads(self) -> None:
        """See `Profile.begin_reads`: its stores are read as they are at every moment."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """See `Profile.running`."""
        self.start()
        try:
            async with self.live.running():
                yield
        finally:
            await self.past.close()
            await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Finish what was accepted and let the folder go."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _file(self, name: str) -> Path:
        return self.folder.file(name)

    def _open_feed(self) -> None:
        path = self._file(LOG_FILE)
        create_log(path)
        self.keyring = self._closing(SqliteKeyring(self._file("keys.db")))
        self.codec = Codec(self.keyring)
        self.feed = self._closing(SqliteFeed(path, self.codec))
        self.refusals = self._closing(SqliteRefusals(self._file("refusals.db")))
        self.refusals.catch_up(self.feed)

    def _open_log(self, clock_ms: Callable[[], int]) -> None:
        path = self._file(LOG_FILE)
        leases = self._closing(SqliteLeases(self._file("ids.db")))
        seen_id = self.feed.newest_id()
        self.stamps = LeasedStamps(leases, seen_id=seen_id, clock_ms=clock_ms)
        self.log = self._closing(
            SqliteEventLog(
                path,
                self.codec,
                # Refusals first: what a command refuses is refused before it is answered.
                on_commit=(
                    self.refusals.committed,
                    self.metrics.committed,
                    self.feed.committed,
                ),
                now_ms=clock_ms,
                origin=origin_of_request,
            )
        )
        self.idempotency = self._closing(SqliteIdempotency(path, self.log, self.keyring))
        self.import_index = self._closing(SqliteImportIndex(path, self.keyring))

    def _open_identity(self, settings: Settings) -> None:
        lowest = settings.argon2_cost == "lowest"
        self.identity = self._closing(
            LocalIdentity(
                SqliteIdentityStore(self._file("identity.db")),
                log=self.log,
                refusals=self.refusals,
                cost=LOWEST_COST if lowest else Cost(),
            )
        )

    def _open_views(self, around: Surroundings) -> Views:
        self.generations = self._closing(
            EmbeddedGenerations(self.folder, around, self.dead_letters)
        )
        stores = self.generations.open_live()
        views = Views(**stores, refusals=self.refusals, now_ms=around.now_ms)
        views.bodies = KeptBodies(views, lambda: True)
        moments = self._closing(SqliteMoments(self._file("generations.db")))
        self.past = past_views(moments, self.folder, around, views, self.generations.replays)
        self.generations.past_changed = self.past.close
        return views

    def _open_runner(
        self, crashed: Callable[[str, BaseException], None], clock_ms: Callable[[], int]
    ) -> None:
        filled = joined(self.views)
        projections = [projection for projection, _ in filled]
        self.progress = LocalProgress([projection.name for projection in projections])
        self.projections = LocalProjections(
            projections,
            self.progress,
            self.feed,
            self.dead_letters,
            generation=self.generations.number,
            now_ms=clock_ms,
            replays=self.generations.replays,
        )
        self.live = LiveHub(self.feed, self.views, self.progress)
        self.metrics = Metrics(self.projections)
        measured = [(self.metrics.measured_projection(one), store) for one, store in filled]
        self.runner = LocalRunner(
            self.feed,
            measured,
            self.dead_letters,
            self.progress,
            crashed=crashed,
            generation=self.generations.number,
        )
        self.owners = OneOwner(self.progress.names, lambda: self.runner.runs)
        self.generations.follow(self.runner, self.views, self.metrics.measured_projection)

    def _closing(self, part: ClosableT) -> ClosableT:
        self._opened.callback(part.close)
        return part


def origin_of_request() -> Origin:
    """Which request the events of a command come from."""
    trace = current_request()
    return NO_ORIGIN if trace is None else Origin(trace.request_id, None, trace.traceparent)
