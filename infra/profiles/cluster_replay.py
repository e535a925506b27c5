"""Building a new generation of a projection on the engines, in a process of its own.

It reads the archive as far as that is proven and Kafka behind it, and is a member of no group:
nobody else reads slower for it than for any other reader. Killed, it goes on where the new store
is. When everything is there that there was at its beginning, workers follow the log with the new
generation; once it has what the live one has, the row is swapped.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple, Self

from commands.ports import Steer
from domain.errors import Unavailable
from domain.topics import name_of, place_of
from infra.control.requests import Answering, PruneProjection, RollBackProjection
from infra.engines import engines_of
from infra.generations import Generation, Plan
from infra.kafka.archive import ArchiveFeed
from infra.kafka.feed import KafkaFeed
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_stores import opened
from infra.profiles.cluster_swaps import ClusterSwaps, swaps_of
from infra.profiles.names import Names
from infra.profiles.replay_shares import Work, fill_in_processes
from infra.settings import Settings
from infra.steering import Steered, Steering
from projections.projection import Projection, StoreUnavailable
from streams.feed import Fed
from streams.pipeline import Pipeline
from streams.rebuild import UNKNOWN, Helm, Outlook, Rebuilt, rebuild_in_lanes
from streams.registry import projection_named

# Partitions that are read and applied at once: while one waits for its engine another decodes.
LANES: Final = 4
RETRY_S: Final = 1.0

Check = Callable[[Generation], Awaitable[None]]

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


class Given(NamedTuple):
    """What one of several processes is told."""

    settings: Settings
    one: Generation
    sharers: int


class Replays:
    """What replaying needs of an installation."""

    def __init__(self, settings: Settings, shared: ClusterLog, swaps: ClusterSwaps) -> None:
        self.swaps = swaps
        self._settings = settings
        self._shared = shared

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings) -> AsyncIterator[Self]:
        """Wait for the engines that are needed."""
        async with AsyncExitStack() as opening:
            clients = Clients(engines_of(settings), Names(settings.namespace), opening)
            shared = await ClusterLog.open(clients, opening, settings)
            yield cls(settings, shared, swaps_of(shared, settings))

    async def replay(
        self,
        projection: Projection,
        report: Callable[[Rebuilt], None],
        *,
        per_s_max: float | None = None,
        resume: bool = False,
        processes: int = 1,
        swap: bool = True,
        check: Check | None = None,
    ) -> Generation:
        """Fill a generation with what the log has now, a new one or the one that was begun, as it
        is told meanwhile (`infra.steering`): what it was told before holds but for the pace that is
        given here, and for a pause that is to end (`resume`). Then workers follow the log with it,
        and it answers if it is to `swap`. If it is to be checked, that comes first.

        Raises AlreadyBuilt, Paused, Cancelled, Unavailable, StoreUnavailable, and what `check`
        raises.
        """
        known = self.swaps.known
        async with known.alone(projection):
            one = await known.begin(projection)
            await known.orders.begin(one, per_s_max=per_s_max, resume=resume)
            ends = await self.ends(projection)
            helm = Steering(partial(known.orders.of, one), partial(known.orders.tell, one))
            if processes == 1:
                await self.fill(one, ends, report, helm)
            else:
                work = Work(fill_share, Given(self._settings, one, processes))
                await fill_in_processes(work, ends, processes, report, helm)
            if check is not None:
                await check(one)
            await known.orders.end(one)
            await known.mark(one, "filled")
            return await self.swaps.adopt(projection.name) if swap else one

    async def planned(self, projection: Projection) -> Plan:
        """What a replay would do now."""
        total = sum((await self.ends(projection)).values())
        known = await self.swaps.known.of(projection)
        for one in known:
            if one.state in {"building", "filled"}:
                lane = await lane_of(self._shared, self._settings, one)
                done = sum((await lane.store.checkpoint()).values())
                return Plan(one.number, done, total)
        return Plan(known[-1].number + 1, 0, total)

    async def fill(
        self,
        one: Generation,
        ends: Mapping[int, int],
        report: Callable[[Rebuilt], None],
        helm: Helm,
    ) -> None:
        """Bring a generation up to `ends`, partition -> position."""
        outlook = Outlook(_topics)
        await fill_in_lanes(
            self._shared, self._settings, one, ends, report=report, helm=helm, outlook=outlook
        )

    async def ends(self, projection: Projection) -> Mapping[int, int]:
        """The newest positions now of the partitions that the projection reads."""
        topics = {event.TOPIC for event in projection.events}
        ends = await self._shared.topics.ends()
        return {place.number: end for place, end in ends.items() if place.topic in topics}


async def lane_of(shared: ClusterLog, settings: Settings, one: Generation) -> Pipeline:
    """What fills a generation. Several fill one together: stores of one namespace do not disturb
    each other."""
    projection = projection_named(one.projection)
    store: Any = await opened(
        projection, shared.clients, settings, generation=one.number, caching="none"
    )
    return Pipeline(
        projection,
        store,
        shared.dead_letters(),
        stalled=lambda _name, _error: None,
        generation=one.number,
    )


async def fill_in_lanes(
    shared: ClusterLog,
    settings: Settings,
    one: Generation,
    ends: Mapping[int, int],
    *,
    report: Callable[[Rebuilt], None],
    helm: Helm,
    outlook: Outlook = UNKNOWN,
) -> None:
    """Bring a generation up to `ends`, partition -> position. Raises Paused, Cancelled."""
    lanes = [await lane_of(shared, settings, one) for _ in range(LANES)]
    archive = ArchiveFeed(await shared.archive(), shared.codec, await shared.topics.describe())
    whole = WholeLog(archive, KafkaFeed(shared.servers, shared.codec, prefix=shared.prefix))
    await rebuild_in_lanes(lanes, whole, ends, report=report, helm=helm, outlook=outlook)


async def replayed(
    settings: Settings,
    projection: Projection,
    report: Callable[[Rebuilt], None],
    *,
    per_s_max: float | None = None,
    resume: bool = False,
    processes: int = 1,
    swap: bool = True,
    check: Check | None = None,
) -> tuple[int, int]:
    """See `Replays.replay`: the number of what was built, and of what answers then."""
    async with Replays.opened(settings) as replays:
        built = await replays.replay(
            projection,
            report,
            per_s_max=per_s_max,
            resume=resume,
            processes=processes,
            swap=swap,
            check=check,
        )
        answering = await replays.swaps.known.live(projection)
        return built.number, answering.number


async def fill_share(
    given: Given, ends: Mapping[int, int], report: Callable[[Rebuilt], None]
) -> None:
    """See `Replays.fill`: in a process of its own."""
    async with Replays.opened(given.settings) as replays:
        orders = replays.swaps.known.orders
        helm = Steering(partial(orders.of, given.one), sharers=given.sharers)
        await replays.fill(given.one, ends, report, helm)


async def planned(settings: Settings, projection: Projection) -> Plan:
    """See `Replays.planned`."""
    async with Replays.opened(settings) as replays:
        return await replays.planned(projection)


async def steered(settings: Settings, name: str, how: Steer, per_s_max: float | None) -> Steered:
    """See `Generations.steer`. Raises Refusal, StoreUnavailable."""
    async with Replays.opened(settings) as replays:
        return await replays.swaps.steer(name, how, per_s_max)


async def changed(settings: Settings, request: RollBackProjection | PruneProjection) -> Answering:
    """Do what is asked for, for all processes. Raises Refusal, StoreUnavailable."""
    async with Replays.opened(settings) as replays:
        name = request.name
        dropped: Sequence[Generation] = ()
        if isinstance(request, PruneProjection):
            dropped = await replays.swaps.prune(name)
        else:
            await replays.swaps.rollback(name)
        live = await replays.swaps.known.live(projection_named(name))
        numbers = [one.number for one in dropped if one.version == live.version]
        older = {one.version for one in dropped} - {live.version}
        return Answering(name, live.number, tuple(numbers), tuple(sorted(older)))


def _topics(partition: int, after: int, until: int) -> Mapping[str, float]:
    """See `streams.costs.Kinds`: events of a topic are near enough to each other."""
    return {place_of(partition).topic: float(max(until - after, 0))}
