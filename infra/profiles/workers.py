"""Processes of the cluster profile that do not serve: workers of projections and of the log."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from infra.cassandra.archive_store import CassandraArchive
from infra.cassandra.register_indexer import RegisterIndexer
from infra.engines import engines_of
from infra.kafka.archive import KafkaArchive
from infra.kafka.feed import KafkaFeed
from infra.kafka.reading import PartitionReader
from infra.postgresql.dead_letters import PostgresqlDeadLetters
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import LOG_TABLES, ClusterLog
from infra.profiles.cluster_stores import GENERATION, opened
from infra.profiles.names import Names
from infra.profiles.waiting import connected
from infra.settings import Settings
from projections.projection import Projection
from streams.faust.worker import run_worker
from streams.registry import PROJECTIONS

ARCHIVE_TABLES: Final = "archive"

Work = Callable[[], Awaitable[None]]


async def _relay(log: ClusterLog, _opened: AsyncExitStack) -> Work:
    """Brings what was decided and not published to its topics."""
    return (await log.event_log()).relay.run


async def _registers(log: ClusterLog, opened: AsyncExitStack) -> Work:
    """Indexes what was published, where the publisher could not."""
    reader = PartitionReader(log.servers, prefix=log.prefix)
    opened.callback(reader.close)
    indexer = RegisterIndexer(await log.session(), LOG_TABLES, reader, log.topics.ends)
    await connected("Cassandra", str(log.clients.engines.cassandra), indexer.create)
    return indexer.run


async def _archive(log: ClusterLog, opened: AsyncExitStack) -> Work:
    """Copies every partition into Cassandra."""
    store = CassandraArchive(await log.session(), ARCHIVE_TABLES)
    await connected("Cassandra", str(log.clients.engines.cassandra), store.create)
    archive = KafkaArchive(log.servers, store, prefix=log.prefix)
    opened.push_async_callback(archive.close)
    return archive.run


OF_THE_LOG: Final[Mapping[str, Callable[[ClusterLog, AsyncExitStack], Awaitable[Work]]]] = {
    "relay": _relay,
    "registers": _registers,
    "archive": _archive,
}
OF_PROJECTIONS: Final[Mapping[str, Projection]] = {one.name: one for one in PROJECTIONS}
NAMES: Final = (*OF_PROJECTIONS, *OF_THE_LOG)


async def work(settings: Settings, names: Collection[str]) -> None:
    """Run these workers in one process until a signal asks to stop. Raises what ends one of them:
    the others end with it, and whoever started the process starts it again."""
    async with AsyncExitStack() as opening:
        clients = Clients(engines_of(settings), Names(settings.namespace), opening)
        log = await ClusterLog.open(clients, opening, settings)
        runs: list[Work] = []
        for name in names:
            if name in OF_THE_LOG:
                runs.append(await OF_THE_LOG[name](log, opening))
        feed = await log.feed() if set(names) - OF_THE_LOG.keys() else None
        for name in names:
            if name in OF_PROJECTIONS and feed is not None:
                runs.append(await _projection(OF_PROJECTIONS[name], log, feed, settings))
        await _until_told(runs)


async def _projection(
    projection: Projection, log: ClusterLog, feed: KafkaFeed, settings: Settings
) -> Work:
    store: Any = await opened(projection, log.clients, settings)
    letters = PostgresqlDeadLetters(log.database, log.clients.names.shared)
    return partial(
        run_worker,
        projection,
        store,
        letters,
        log.codec,
        log.servers,
        prefix=log.prefix,
        generation=GENERATION,
        feed=feed,
    )


async def _until_told(runs: Sequence[Work]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    tasks = [asyncio.ensure_future(run()) for run in runs]
    stopping = asyncio.ensure_future(told.wait())
    try:
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
