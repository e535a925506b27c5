"""Filling a generation of a projection from the log of the engines, up to a pinned end.

It reads the archive as far as that is proven and Kafka behind it, and is a member of no group:
nobody else reads slower for it than for any other reader. Killed, it goes on where the new store
is.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeVar

from domain.errors import Unavailable
from domain.topics import name_of, place_of
from infra.engines import engines_of
from infra.generations import FOLLOWING, Generation
from infra.kafka.archive import ArchiveFeed
from infra.kafka.feed import KafkaFeed
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_stores import made, opened, shown
from infra.profiles.names import Names
from infra.profiles.replay_shares import Work, fill_in_processes
from infra.profiles.waiting import Standstill, connected
from infra.settings import Settings
from infra.steering import Steering
from projections.projection import StoreUnavailable
from streams.feed import Fed
from streams.pipeline import Pipeline
from streams.rebuild import Helm, Outlook, Rebuilt, rebuild_in_lanes
from streams.registry import projection_named

# Partitions that are read and applied at once: while one waits for its engine another decodes.
LANES: Final = 4
RETRY_S: Final = 1.0

Ends = Mapping[int, int]
Report = Callable[[Rebuilt], None]
T = TypeVar("T")

log = logging.getLogger("starling")


class WholeLog:
    """The archive as far as it is proven, Kafka behind it. Implements `streams.rebuild.Ranges`."""

    def __init__(self, archive: ArchiveFeed, topics: KafkaFeed) -> None:
        self._archive = archive
        self._topics = topics

    async def read_range(
        self, partition: int, after: int, until: int
    ) -> AsyncIterator[Sequence[Fed]]:
        """See `Ranges.read_range`. An outage is waited for."""
        while after < until:
            try:
                proven = (await self._archive.proven()).get(partition, 0)
                source = self._archive if after < proven else self._topics
                end = min(proven, until) if after < proven else until
                async for batch in source.read_range(partition, after, end):
                    after = batch[-1].position
                    yield batch
            except (Unavailable, StoreUnavailable) as error:
                log.warning("%s waits behind %d: %s", name_of(partition), after, error)
                await asyncio.sleep(RETRY_S)


class Filling:
    """What it takes to fill generations of an installation."""

    def __init__(self, settings: Settings, shared: ClusterLog) -> None:
        self.shared = shared
        # What knows of generations, as it is called where it is waited for.
        self.postgresql: Final = ("PostgreSQL", shared.clients.names.shared)
        self._settings = settings

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings) -> AsyncIterator[Self]:
        """Wait for the engines that are needed."""
        async with AsyncExitStack() as opening:
            clients = Clients(engines_of(settings), Names(settings.namespace), opening)
            yield cls(settings, await ClusterLog.open(clients, opening, settings))

    async def fill_as_told(
        self,
        one: Generation,
        ends: Ends,
        report: Report,
        *,
        per_s_max: float | None = None,
        resume: bool = False,
        processes: int = 1,
    ) -> None:
        """Bring a generation up to `ends`, partition -> position, by so many processes, as it is
        told meanwhile (`infra.steering`): what it was told before holds but for the pace that is
        given here, and for a pause that is to end (`resume`). Outages are waited for.

        Raises Paused, Cancelled, Unavailable where another process could not do its share.
        """
        orders = self.shared.generations().orders
        begin = partial(orders.begin, one, per_s_max=per_s_max, resume=resume)
        await connected(*self.postgresql, begin)
        helm = Steering(partial(orders.of, one), partial(orders.tell, one))
        if processes == 1:
            await self.fill(one, ends, report, helm)
        else:
            work = Work(_fill_share, _Given(self._settings, one, processes))
            await fill_in_processes(work, ends, processes, report, helm)
        await self._answered(one, partial(shown, await self._store(one)))

    async def fill(self, one: Generation, ends: Ends, report: Report, helm: Helm) -> None:
        """The same in this process, as the helm says."""
        shared = self.shared
        # Several stores of one namespace do not disturb each other; one of them makes it.
        stores = [
            await self._store(one, opened),
            *[await self._store(one) for _ in range(LANES - 1)],
        ]
        standstill = Standstill()
        lanes = [self._lane(one, store, standstill) for store in stores]
        topics = await connected("Kafka", shared.servers, shared.topics.describe)
        archive = ArchiveFeed(await shared.archive(), shared.codec, topics)
        whole = WholeLog(archive, KafkaFeed(shared.servers, shared.codec, prefix=shared.prefix))
        await rebuild_in_lanes(
            lanes, whole, ends, report=report, helm=helm, outlook=Outlook(_topics)
        )

    async def done(self, one: Generation) -> int:
        """How many events a generation has."""
        store = await self._store(one, opened)
        return sum((await self._answered(one, store.checkpoint)).values())

    def _lane(self, one: Generation, store: Any, standstill: Standstill) -> Pipeline:
        """What fills a generation, with one of its stores."""
        return Pipeline(
            projection_named(one.projection),
            store,
            self.shared.dead_letters(),
            stalled=standstill.told,
            generation=one.number,
        )

    async def _answered(self, one: Generation, ask: Callable[[], Awaitable[T]]) -> T:
        """What a generation's store answers, as soon as its engine does."""
        name = self.shared.clients.names.of(projection_named(one.projection), one.number)
        return await connected(f"the store of {one.projection}", name, ask)

    async def _store(self, one: Generation, by: Callable[..., Awaitable[Any]] = made) -> Any:
        """A store of a generation, which somebody may read who follows the log with it already."""
        return await by(
            projection_named(one.projection),
            self.shared.clients,
            self._settings,
            generation=one.number,
            caching="none" if one.state in FOLLOWING else "unread",
        )


class _Given(NamedTuple):
    """What one of several processes is told."""

    settings: Settings
    one: Generation
    sharers: int


async def _fill_share(given: _Given, ends: Ends, report: Report) -> None:
    """See `Filling.fill`: in a process of its own."""
    async with Filling.opened(given.settings) as filling:
        orders = filling.shared.generations().orders
        helm = Steering(partial(orders.of, given.one), sharers=given.sharers)
        await filling.fill(given.one, ends, report, helm)


def _topics(partition: int, after: int, until: int) -> Mapping[str, float]:
    """See `streams.costs.Kinds`: events of a topic are near enough to each other."""
    return {place_of(partition).topic: float(max(until - after, 0))}
