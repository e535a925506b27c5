"""Processes of the cluster profile that do not serve: workers of projections and of the log."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, NamedTuple

from infra.asked_together import AskedTogether
from infra.cassandra.register_indexer import RegisterIndexer
from infra.engines import engines_of
from infra.kafka.archive import KafkaArchive
from infra.kafka.lookup import KafkaLookup
from infra.kafka.reading import PartitionReader
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import LOG_TABLES, ClusterLog
from infra.profiles.cluster_stores import closed, opened
from infra.profiles.followers import Followers
from infra.profiles.generation_watch import GenerationWatch
from infra.profiles.names import Names
from infra.profiles.waiting import connected, noting
from infra.settings import Settings
from infra.stamps import wall_clock_ms
from infra.worker_desk import Desk
from projections.projection import Projection
from streams.cancelling import heed_cancellation
from streams.dead_letters import DeadLetters
from streams.faust.worker import Worker
from streams.registry import BY_NAME

Work = Callable[[], Awaitable[None]]


async def _relay(log: ClusterLog, _opened: AsyncExitStack, _desk: Desk) -> Work:
    """Brings what was decided and not published to its topics."""
    return (await log.event_log()).relay.run


async def _registers(log: ClusterLog, opened: AsyncExitStack, _desk: Desk) -> Work:
    """Indexes what was published, where the publisher could not."""
    reader = PartitionReader(log.servers, prefix=log.prefix)
    opened.callback(reader.close)
    indexer = RegisterIndexer(await log.session(), LOG_TABLES, reader, log.topics.ends)
    await connected("Cassandra", str(log.clients.engines.cassandra), indexer.create)
    return indexer.run


async def _archive(log: ClusterLog, opened: AsyncExitStack, desk: Desk) -> Work:
    """Copies every partition into Cassandra."""
    archive = KafkaArchive(log.servers, await log.archive(), prefix=log.prefix)
    opened.push_async_callback(archive.close)
    desk.archive = archive
    return archive.run


OF_THE_LOG: Final[Mapping[str, Callable[[ClusterLog, AsyncExitStack, Desk], Awaitable[Work]]]] = {
    "relay": _relay,
    "registers": _registers,
    "archive": _archive,
}
NAMES: Final = (*BY_NAME, *OF_THE_LOG)


async def work(settings: Settings, names: Collection[str]) -> None:
    """Run these workers in one process until a signal asks to stop. Raises what ends one of them:
    the others end with it, and whoever started the process starts it again. It answers on its port
    from the start, also while it waits for the engines."""
    with noting() as awaited:
        async with AsyncExitStack() as opening:
            clients = Clients(engines_of(settings), Names(settings.namespace), opening)
            desk = Desk(
                None,
                wall_clock_ms,
                expected=[name for name in names if name in BY_NAME],
                breakers=clients.breakers,
                caches=clients.view_caches,
                awaited=awaited,
            )
            runs: list[Work] = [partial(_work, settings, names, clients, desk, opening)]
            if settings.worker_address is not None:
                runs.append(partial(desk.answer, *settings.worker_address))
            await _until_told(runs)


async def _work(
    settings: Settings,
    names: Collection[str],
    clients: Clients,
    desk: Desk,
    opening: AsyncExitStack,
) -> None:
    log = await ClusterLog.open(clients, opening, settings)
    runs = [await OF_THE_LOG[name](log, opening, desk) for name in names if name in OF_THE_LOG]
    filled = [BY_NAME[name] for name in names if name in BY_NAME]
    if filled:
        runs += await _projections(filled, log, settings, desk)
    desk.begin(log.dead_letters())
    await _until_one_ends(runs)


async def _projections(
    projections: Sequence[Projection], log: ClusterLog, settings: Settings, desk: Desk
) -> Sequence[Work]:
    """Fill every generation of these that follows the log."""
    watch = GenerationWatch(log.generations())
    await connected("PostgreSQL", log.clients.names.shared, watch.look)
    letters = AskedTogether(log.dead_letters())
    fill = _Filling(log, log.lookup(), settings, desk, letters).fill
    return [watch.run, *(Followers(one, watch, fill).run for one in projections)]


class _Filling(NamedTuple):
    """What it takes to fill a generation of a projection."""

    log: ClusterLog
    lookup: KafkaLookup
    settings: Settings
    desk: Desk
    letters: DeadLetters

    async def fill(self, projection: Projection, generation: int) -> None:
        """Work for it until it is cancelled."""
        log, settings = self.log, self.settings
        store = await opened(
            projection, log.clients, settings, generation=generation, caching="filling"
        )
        worker = Worker(
            self.desk.metrics.measured_projection(projection),
            store,
            self.letters,
            log.codec,
            log.servers,
            prefix=log.prefix,
            generation=generation,
            lookup=self.lookup,
            observer=self.desk.metrics,
        )
        try:
            with self.desk.at_work(worker):
                await worker.run()
        finally:
            await closed(store)


async def _until_told(runs: Sequence[Work]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await _until_one_ends([*runs, told.wait])


async def _until_one_ends(runs: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """Run them at once; the others end with the first one. Raises what that raised."""
    heed_cancellation()
    tasks = [asyncio.ensure_future(run()) for run in runs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
