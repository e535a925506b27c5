"""The cluster's log for people to look at: Kafka as far back as it goes, the archive before that.

It makes nothing, joins no group and writes nowhere.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from heapq import merge
from operator import itemgetter
from typing import Any, Final, TypeVar

from domain.errors import Unavailable
from domain.topics import Place, place_named
from infra.cassandra.kept import UNINDEXED, Kept, is_register, kind_of
from infra.cassandra.log_tables import LogTables
from infra.cassandra.registers import Registers
from infra.cassandra.streams import VERSION_MAX, Streams
from infra.engines import engines_of
from infra.kafka.reading import KafkaRecord, PartitionReader
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import LOG_TABLES, ClusterLog
from infra.profiles.cluster_records import ClusterRecords, Located, located, text_of
from infra.profiles.names import Names
from infra.settings import Settings
from infra.told_log import NotInLog, Stats, Told, TypeStats, stats_of, told
from projections.projection import StoreUnavailable
from streams.records import load_keys

PAGE: Final = 1_000
ENGINES_S: Final = 30.0
NOWHERE: Final = ""
_PLACE: Final = re.compile(r"([a-z_]+/[0-9]{1,3}):([0-9]{1,18})")

T = TypeVar("T")


class _Reading:
    """What the log says, asked on one event loop."""

    def __init__(self, log: ClusterLog, records: ClusterRecords) -> None:
        self._log = log
        self._records = records
        self._reached: dict[Place, int] = {}

    async def newest(self, count: int) -> Sequence[Told]:
        ends = await self._records.ends()
        found = await self._between({p: max(end - count, 0) for p, end in ends.items()}, ends)
        self._reached = dict(ends)
        return await self._told(found[-count:] if count else [])

    async def coming(self) -> Sequence[Told]:
        ends = await self._records.ends()
        begun = {place: self._reached.get(place, 0) for place in ends}
        until = {place: min(end, begun[place] + PAGE) for place, end in ends.items()}
        found = await self._between(begun, until)
        self._reached.update(until)
        return await self._told(found)

    async def at(self, place: Place, position: int) -> Sequence[Told]:
        ends = await self._records.ends()
        if not 0 < position <= ends.get(place, 0):
            return ()
        return await self._told(await self._between({place: position - 1}, {place: position}))

    async def stream(self, name: str) -> Sequence[Told]:
        await self._records.ends()
        tables = LogTables(await self._log.session(), LOG_TABLES)
        rows: Sequence[Kept]
        if is_register(name):
            indexed = await Registers(tables).history(name)
            rows = [one.kept for one in indexed]
            placed = {one.kept.event_id: (one.place, one.offset) for one in indexed}
        else:
            streams = Streams(tables)
            rows = await streams.rows(name, 0, VERSION_MAX)
            placed = dict(await streams.places(rows))
        return await asyncio.to_thread(self._kept, rows, placed)

    async def stats(self) -> Stats:
        ends, starts = await self._records.ends(), await self._records.starts()
        counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        streams: set[int] = set()
        for place, end in ends.items():
            async for records in self._records.read(place, 0, end, starts[place]):
                for record in records:
                    said = dict(record.headers)
                    count = counted[text_of(said, "ce_type")]
                    count[0] += 1
                    count[1] += len(record.value or b"")
                    streams.add(hash(said.get("ce_subject")))
        types = sorted(counted.items(), key=lambda one: (-one[1][0], one[0]))
        partitions = {place.name: end for place, end in sorted(ends.items())}
        return stats_of((TypeStats(n, *c) for n, c in types), len(streams), partitions)

    async def _between(
        self, after: Mapping[Place, int], until: Mapping[Place, int]
    ) -> list[Located]:
        """What is behind these positions up to those, in the order in which it happened."""
        starts = await self._records.starts()
        found: list[list[Located]] = []
        for place, begin in after.items():
            if begin < until[place]:
                pages = self._records.read(place, begin, until[place], starts[place])
                found.append(located(place, [one async for page in pages for one in page]))
        return list(merge(*found, key=itemgetter(0)))

    async def _told(self, found: Sequence[Located]) -> Sequence[Told]:
        return await asyncio.to_thread(self._decoded, found)

    def _decoded(self, found: Sequence[Located]) -> Sequence[Told]:
        load_keys((one.record for one in found), self._log.codec)
        return [self._one(one.place, one.record) for one in found]

    def _one(self, place: Place, record: KafkaRecord) -> Told:
        said = dict(record.headers)
        version = text_of(said, "ce_streamversion")
        return told(
            self._log.codec,
            text_of(said, "ce_type"),
            record.value or b"",
            position=record.offset + 1,
            stream=text_of(said, "ce_subject"),
            version=int(version) if version.isdecimal() else 0,
            partition=place.name,
        )

    def _kept(
        self, rows: Sequence[Kept], placed: Mapping[int, tuple[Place, int]]
    ) -> Sequence[Told]:
        found = []
        for one in rows:
            where = placed.get(one.event_id)
            found.append(
                told(
                    self._log.codec,
                    one.name,
                    one.state,
                    position=0 if where is None else where[1] + 1,
                    stream=one.stream,
                    version=one.version,
                    partition=NOWHERE if where is None else where[0].name,
                )
            )
        return found


class ClusterLogReader:
    """Implements `told_log.LogReader` for who has no event loop."""

    def __init__(self, runner: asyncio.Runner, reading: _Reading) -> None:
        self._runner = runner
        self._reading = reading

    def newest(self, count: int) -> Iterable[Told]:
        """See `LogReader.newest`."""
        return self._ask(self._reading.newest(count))

    def coming(self) -> Sequence[Told]:
        """See `LogReader.coming`."""
        return self._ask(self._reading.coming())

    def named(self, what: str) -> Sequence[Told]:
        """See `LogReader.named`; a place is like `new_tweet/3:17`."""
        placed = _PLACE.fullmatch(what)
        place = None if placed is None else place_named(placed[1])
        if placed is not None and place is not None:
            found = self._ask(self._reading.at(place, int(placed[2])))
        elif kind_of(what) in UNINDEXED:
            raise NotInLog(f"{what} is in no index: it can be shown by its place")
        else:
            found = self._ask(self._reading.stream(what))
        if not found:
            raise NotInLog(f"The log has no {'event at' if place else 'stream'} {what}")
        return found

    def stats(self) -> Stats:
        """See `LogReader.stats`."""
        return self._ask(self._reading.stats())

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        try:
            return self._runner.run(question)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error


@contextmanager
def cluster_log_reader(settings: Settings) -> Iterator[ClusterLogReader]:
    """Of an installation on the engines. Raises Unavailable where they do not answer in time."""
    with asyncio.Runner() as runner:
        opening = _opened(settings)
        reading = runner.run(opening.__aenter__())
        try:
            yield ClusterLogReader(runner, reading)
        finally:
            runner.run(opening.__aexit__(None, None, None))


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[_Reading]:
    async with AsyncExitStack() as opened:
        clients = Clients(engines_of(settings), Names(settings.namespace), opened)
        try:
            async with asyncio.timeout(ENGINES_S):
                database = await clients.postgresql()
        except TimeoutError as error:
            raise Unavailable("PostgreSQL does not answer") from error
        log = ClusterLog(clients, opened, database, settings)
        reader = PartitionReader(log.servers, prefix=log.prefix)
        opened.callback(reader.close)
        yield _Reading(log, ClusterRecords(log, reader))
