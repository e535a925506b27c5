"""The cluster profile: one of many processes that serve, on the engines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, Self

from commands.ports import Ports
from domain.positions import Vector
from infra.account_bodies import KeptBodies
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.idempotency import CassandraIdempotency
from infra.cassandra.import_index import CassandraImportIndex
from infra.cassandra.loop_thread import LoopThread
from infra.counters import ViewCounters
from infra.engines import engines_of
from infra.folder import DataFolder
from infra.following import REFUSALS, RefusalsFollower
from infra.kafka.clock import BrokerClock
from infra.kafka.groups import KafkaGroups
from infra.known import at_once
from infra.live_hub import LiveHub
from infra.local_identity import LocalIdentity
from infra.local_identity.passwords import Cost
from infra.metrics import Metrics
from infra.postgresql.identity import PostgresqlIdentityStore
from infra.postgresql.leases import PostgresqlLeases
from infra.profiles.clients import Clients
from infra.profiles.cluster_generations import ClusterGenerations
from infra.profiles.cluster_log import LOG_TABLES, ClusterLog
from infra.profiles.cluster_owners import ClusterOwners
from infra.profiles.cluster_past import PastStores
from infra.profiles.cluster_remains import ClusterRemains
from infra.profiles.cluster_stores import opened
from infra.profiles.cluster_swaps import swaps_of
from infra.profiles.embedded import LOWEST_COST, origin_of_request
from infra.profiles.generation_watch import GenerationWatch
from infra.profiles.names import Names
from infra.profiles.waiting import connected
from infra.readiness import ClusterParts
from infra.settings import Settings
from infra.sqlite.refusals import SqliteRefusals
from infra.stamps import LeasedStamps, wall_clock_ms
from infra.stored_status import StoredProjections
from projections.projection import StoreUnavailable
from read_api.views import Views
from streams.feed import Feed
from streams.polled_progress import STREAM, PolledProgress
from streams.registry import PROJECTIONS, joined

# How an engine says, on the way of a request, that it cannot be reached.
OUTAGES: Final = (StoreUnavailable,)


class Cluster:
    """Everything one serving process needs. Implements `infra.profiles.profile.Profile`.

    `open` waits for the engines; what is closed at the end is what `running` was entered with.
    """

    ports: Ports
    views: Views
    live: LiveHub
    generations: ClusterGenerations
    identity: LocalIdentity
    metrics: Metrics
    outages = OUTAGES
    projection_names = frozenset(projection.name for projection in PROJECTIONS)

    def __init__(self, settings: Settings, opened_here: AsyncExitStack) -> None:
        self._settings = settings
        self._opened = opened_here

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Raises FolderInUse, TopicMismatch, SettingError."""
        async with AsyncExitStack() as opening:
            cluster = cls(settings, opening)
            await cluster._open()
            cluster._opened = opening.pop_all()
            return cluster

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """See `Profile.running`."""
        async with (
            self._opened,
            self.generations.following(self.views, self.progress),
            self._follower.running(),
            self._clock.running(),
            self.live.running(),
        ):
            yield

    def begin_reads(self) -> None:
        """See `Profile.begin_reads`."""
        self._caches.begin()

    @property
    def remains(self) -> ClusterRemains:
        """See `Profile.remains`."""
        log = self._shared
        return ClusterRemains(
            log.servers,
            log.prefix,
            self.views,
            self.keys,
            self.data_path,
            past=self._past_stores.take,
        )

    @property
    def data_path(self) -> Path:
        """See `Profile.data_path`."""
        return self.folder.path

    @property
    def feed(self) -> Feed:
        """See `Profile.feed`."""
        return self._feed

    async def _open(self) -> None:
        settings = self._settings
        self.folder = self._opened.enter_context(DataFolder(settings.data_path))
        names = Names(settings.namespace)
        clients = Clients(engines_of(settings), names, self._opened)
        self._shared = await ClusterLog.open(clients, self._opened, settings)
        self.keys = self._shared.keyring
        self._feed = await self._shared.feed()
        self.refusals = SqliteRefusals(self.folder.file("refusals.db"))
        self._opened.callback(self.refusals.close)
        self._follower = RefusalsFollower(self.refusals, self._feed)
        await connected("Kafka", self._shared.servers, self._follower.catch_up)
        await self._open_views(clients)
        await self._open_log(clients)

    async def _open_views(self, clients: Clients) -> None:
        swaps = swaps_of(self._shared, self._settings)
        self.generations = ClusterGenerations(
            swaps,
            GenerationWatch(swaps.known),
            partial(opened, clients=clients, settings=self._settings),
        )
        stores = await connected("PostgreSQL", clients.names.shared, self.generations.open_live)
        self.views = Views(**stores, refusals=self.refusals, now_ms=wall_clock_ms, ask=at_once)
        self._caches = await clients.caches()
        self.views.bodies = KeptBodies(self.views, self._caches.is_current)
        self._past_stores = PastStores(self._shared.moments(), clients, self._settings)
        self.past = self._past_stores.views(self.views, self.generations.replays)
        self._opened.push_async_callback(self.past.close)
        self.dead_letters = self._shared.dead_letters()
        self.projections = StoredProjections(
            self.views,
            self._feed,
            self.dead_letters,
            generation=self.generations.number,
            now_ms=wall_clock_ms,
            replays=self.generations.replays,
        )
        groups = KafkaGroups(self._shared.servers)
        self.owners = ClusterOwners(groups, clients.names, self.generations.number)
        self.metrics = Metrics(self.projections, clients.breakers, clients.view_caches)
        self._clock = BrokerClock(
            self._shared.servers,
            prefix=self._shared.prefix,
            clock_ms=wall_clock_ms,
            found=self.metrics.cluster.clock_compared,
        )
        self.parts = ClusterParts(self._feed, self.projections, clients.breakers, self._clock)
        self.progress = PolledProgress(
            [(REFUSALS, self._follower), *joined(self.views)],
            self._published,
            always=(REFUSALS.name,),
        )
        self.live = LiveHub(self._feed, self.views, self.progress)

    async def _open_log(self, clients: Clients) -> None:
        self._log: ClusterEventLog = await self._shared.event_log(
            on_commit=(self.refusals.enforce, self.metrics.committed), origin=origin_of_request
        )
        await connected("Kafka", self._shared.servers, self._clock.compare)
        url, shared = clients.engines.postgresql, clients.names.shared
        leases = PostgresqlLeases(url, shared)
        self._opened.callback(leases.close)
        self.identity = self._identity(PostgresqlIdentityStore(self._shared.database, url, shared))
        host, port = clients.engines.cassandra
        blocking = await asyncio.to_thread(LoopThread, host, port, shared)
        self.import_index = CassandraImportIndex(blocking, LOG_TABLES, self._shared.codec)
        self._opened.callback(self.import_index.close)
        self.ports = Ports(
            log=self.metrics.measured_log(self._log),
            stamps=await asyncio.to_thread(
                LeasedStamps, leases, check=self._clock.check, seen=self._feed.newest_id
            ),
            handles=self.keys,
            identity=self.identity,
            refusals=self.refusals,
            idempotency=CassandraIdempotency(self._log, now_ms=wall_clock_ms),
            counters=ViewCounters(self.views),
        )

    def _identity(self, store: PostgresqlIdentityStore) -> LocalIdentity:
        lowest = self._settings.argon2_cost == "lowest"
        cost = LOWEST_COST if lowest else Cost()
        identity = LocalIdentity(store, log=self._log, refusals=self.refusals, cost=cost)
        self._opened.callback(identity.close)
        return identity

    async def _published(self, stream: str, version: int) -> Vector | None:
        """The positions of a stream's event, once it is in its topic."""
        name = f"{STREAM}{stream}"
        located = await self._log.located({name: version})
        return None if name in located else located
