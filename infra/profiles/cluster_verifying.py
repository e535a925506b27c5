"""What a proof needs of the engines: the topics, and the stores; and where events are applied
again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from domain.events import Event, Recorded
from domain.topics import place_of
from infra.engines import engines_of
from infra.generations import FOLLOWING, Generation
from infra.kafka.archive import ArchiveFeed
from infra.kafka.feed import KafkaFeed
from infra.kafka.reading import TrimmedAway
from infra.postgresql.generations import PostgresqlGenerations
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_stores import closed, made, opened
from infra.profiles.names import Names
from infra.profiles.waiting import connected
from infra.redis.home_timelines import RedisHomeTimelines
from infra.settings import Settings
from projections.home_timelines import HOME_TIMELINES
from projections.projection import Projection, Store
from streams.answers.proof import Positions, View
from streams.feed import Fed
from streams.reapply import Sink, StoreSink


@asynccontextmanager
async def on_engines(settings: Settings) -> AsyncIterator["Engines"]:
    """Open what is needed, waiting for the engines; at the end it is closed."""
    async with AsyncExitStack() as opening:
        clients = Clients(engines_of(settings), Names(settings.namespace), opening)
        log = await ClusterLog.open(clients, opening, settings)
        described = await connected("Kafka", log.servers, log.topics.describe)
        archive = ArchiveFeed(await log.archive(), log.codec, described)
        topics = ArchivedTopics(await log.feed(), archive)
        yield Engines(clients, settings, topics, log.generations())


class ArchivedTopics:
    """Implements `streams.feed.SelectiveFeed`: the topics, and from the archive what they have no
    more."""

    def __init__(self, topics: KafkaFeed, archive: ArchiveFeed) -> None:
        self._topics = topics
        self._archive = archive
        self.wait = topics.wait
        self.head = topics.head
        self.positions = topics.positions

    @property
    def partitions(self) -> Sequence[int]:
        """See `Feed.partitions`."""
        return self._topics.partitions

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        """See `Feed.read`. Raises TrimmedAway where neither has them, StoreUnavailable."""
        try:
            return await self._topics.read(partition, after, limit)
        except TrimmedAway:
            until = min((await self._archive.proven()).get(partition, 0), after + limit)
            found: list[Fed] = []
            async for batch in self._archive.read_range(partition, after, until):
                found += batch
            if found:
                return found
            raise

    async def read_types(
        self, partition: int, after: int, until: int, types: Collection[type[Event]]
    ) -> Sequence[Recorded]:
        """See `SelectiveFeed.read_types`. Raises TrimmedAway, StoreUnavailable."""
        found: list[Recorded] = []
        while after < until:
            batch = await self.read(partition, after, until - after)
            if not batch:
                break
            after = batch[-1].position
            found += [
                one for one in batch if isinstance(one, Recorded) and type(one.event) in types
            ]
        return found


class Engines:
    """Implements `infra.verifying.Installation`."""

    def __init__(
        self,
        clients: Clients,
        settings: Settings,
        feed: "ArchivedTopics",
        known: PostgresqlGenerations,
    ) -> None:
        self._clients = clients
        self._settings = settings
        self._known = known
        self.feed = feed

    async def live(self, projection: Projection) -> Generation:
        """See `Installation.live`."""
        return await self._known.live(projection)

    async def ends(self, projection: Projection) -> Positions:
        """See `Installation.ends`."""
        topics = {event.TOPIC for event in projection.events}
        ends = await self.feed.positions()
        return {one: end for one, end in ends.items() if place_of(one).topic in topics}

    async def view(
        self, projection: Projection, of: Generation, folder: Path, opened_here: AsyncExitStack
    ) -> View:
        """See `Installation.view`. It may follow the log meanwhile."""
        del folder
        store = await self._store(projection, of.number)
        opened_here.push_async_callback(closed, store)
        if of.state not in FOLLOWING:
            return _Still(store)
        return _Live(store, partial(self.ends, projection))

    @asynccontextmanager
    async def sink(self, projection: Projection) -> AsyncIterator[Sink]:
        """See `Installation.sink`."""
        async with self._known.alone(projection):
            number = (await self.live(projection)).number
            store = await opened(projection, self._clients, self._settings, generation=number)
            try:
                yield StoreSink(projection, store, stalled=lambda _name, _error: None)
                if isinstance(store, RedisHomeTimelines):
                    await store.wait_for_pushes()
            finally:
                await closed(store)

    async def _store(self, projection: Projection, generation: int) -> Any:
        if projection is not HOME_TIMELINES:
            # Proven with what stands before it: both are what is answered.
            return await made(
                projection,
                self._clients,
                self._settings,
                generation=generation,
                caching="proving",
            )
        # By this clock nobody reads now: asking changes nobody's last visit.
        name = self._clients.names.of(projection, generation)
        redis = await self._clients.homes()
        homes = RedisHomeTimelines(
            redis, name, threshold=self._settings.threshold, now_ms=lambda: 0
        )
        await connected(f"the store of {projection.name}", name, homes.create)
        return homes


class _Live:
    """A store that others fill meanwhile. Implements `View`."""

    def __init__(self, store: Store[Any], ends: Callable[[], Awaitable[Positions]]) -> None:
        self.store = store
        self._ends = ends

    async def renew(self) -> None:
        """It is always the newest."""

    async def furthest(self) -> Positions:
        """See `View.furthest`: how far the topics are."""
        return await self._ends()


class _Still:
    """A store that nobody fills: it is built and does not follow the log yet. Implements `View`."""

    def __init__(self, store: Store[Any]) -> None:
        self.store = store

    async def renew(self) -> None:
        """Nothing changes it."""

    async def furthest(self) -> Positions:
        """See `View.furthest`."""
        return await self.store.checkpoint()
