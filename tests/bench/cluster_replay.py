"""How fast each projection is built anew on the engines, against what it takes one process to read
and decode the topics with the bare client, and against what the store's engine takes at most.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from statistics import median
from typing import Any, Final

from confluent_kafka import TopicPartition

from domain.events import Recorded
from domain.topics import Place, place_of
from infra.elasticsearch.connection import Answer, Body, ElasticsearchConnection, Write
from infra.elasticsearch.search_index import ElasticsearchSearchIndex
from infra.generations import Generation
from infra.kafka.feed import KafkaFeed
from infra.kafka.reading import consumer, record_in
from infra.profiles.cluster_filling import LANES, Filling
from infra.profiles.cluster_stores import closed, opened
from infra.settings import Settings
from projections.projection import Projection
from projections.search_index import SEARCH_INDEX
from streams.pipeline import Pipeline
from streams.rebuild import BATCH_MAX, rebuild_in_lanes
from streams.records import load_keys
from streams.registry import PROJECTIONS, projection_named
from tests.bench.bench_replay import AIM, ALL, Nothing, Timer, Took, figure
from tests.bench.figures import Figure, Figures
from tests.cluster.bulk_topics import Loading

POLL_S: Final = 10.0
PROCESSES: Final = (1, 2)
_generations = count(1_001)

Ends = Mapping[int, int]


class Town:
    """An installation with a log in its topics, and no workers."""

    def __init__(self, settings: Settings, filling: Filling, ends: Ends) -> None:
        self._settings = settings
        self._filling = filling
        self._log = filling.shared
        self.ends = ends

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, events: int) -> AsyncIterator["Town"]:
        """One whose log has so many events."""
        async with Filling.opened(settings) as filling:
            log = filling.shared
            async with Loading.of(log) as loading:
                await loading.load(events, appended=0, texts=None)
            ends = await log.topics.ends()
            yield cls(settings, filling, {place.number: end for place, end in ends.items()})

    async def warm_up(self) -> None:
        """Let every engine do once what is measured then: they compile what they do often, and
        whoever came first would be held against one that came last."""
        for projection in PROJECTIONS:
            await self.rebuilt(projection)
        await self.bulk()

    def read(self) -> Took:
        """All topics, by one client and one thread, and nothing else."""
        reader = consumer(self._log.servers)
        reader.assign([self._at(place_of(number)) for number, end in self.ends.items() if end > 0])
        timer, left = Timer(), sum(self.ends.values())
        while left:
            messages = reader.consume(BATCH_MAX, POLL_S)
            if not messages:
                raise RuntimeError(f"{left} events do not come")
            records = [(message, record_in(message)) for message in messages]
            load_keys([record for _, record in records], self._log.codec)
            for message, record in records:
                topic = str(message.topic()).removeprefix(self._log.prefix)
                record.fed(Place(topic, message.partition() or 0), self._log.codec)
            left -= len(messages)
        took = timer.took(sum(self.ends.values()))
        reader.close()
        return took

    async def dispatched(self) -> Took:
        """The same through the pipeline, to a projection that wants all and keeps nothing."""
        timer = Timer()
        letters = self._log.dead_letters()
        store = Nothing()
        lanes = [Pipeline(ALL, store, letters, stalled=_stalled) for _ in range(LANES)]
        await rebuild_in_lanes(lanes, self._feed(), self.ends, report=lambda _: None)
        return timer.took(sum(self.ends.values()))

    async def rebuilt(self, projection: Projection, processes: int = 1) -> Took:
        """A whole generation, by so many processes."""
        ends = self._ends(projection)
        one = Generation(projection.name, projection.version, next(_generations), "building")
        timer = Timer()
        await self._filling.fill_as_told(one, ends, lambda _: None, processes=processes)
        took = timer.took(sum(ends.values()))
        store = await self._store(one)
        await store.drop()
        await closed(store)
        return took

    async def bulk(self) -> Took:
        """The documents of the search index alone, in the same batches, as fast as they are
        taken."""
        noting = Noting()
        index = ElasticsearchSearchIndex(noting, "noted")
        ends = self._ends(SEARCH_INDEX)
        for partition, end in ends.items():
            async for batch in self._feed().read_range(partition, 0, end):
                wanted = [
                    one
                    for one in batch
                    if isinstance(one, Recorded) and type(one.event) in SEARCH_INDEX.events
                ]
                await index.apply(SEARCH_INDEX.project(wanted), {})
        engine = await self._log.clients.elasticsearch()
        name = self._log.clients.names.of(SEARCH_INDEX, next(_generations))
        store = ElasticsearchSearchIndex(engine, name)
        await store.create()
        left = iter(noting.noted)

        async def send() -> None:
            for writes in left:
                await engine.write(name, writes)

        timer = Timer()
        await asyncio.gather(*(send() for _ in range(LANES)))
        await engine.refresh(name)
        took = timer.took(sum(ends.values()))
        await store.drop()
        return took

    def _ends(self, projection: Projection) -> Ends:
        topics = {event.TOPIC for event in projection.events}
        return {
            number: end
            for number, end in self.ends.items()
            if end > 0 and place_of(number).topic in topics
        }

    def _feed(self) -> KafkaFeed:
        return KafkaFeed(self._log.servers, self._log.codec, prefix=self._log.prefix)

    async def _store(self, one: Generation) -> Any:
        projection = projection_named(one.projection)
        return await opened(
            projection, self._log.clients, self._settings, generation=one.number, caching="none"
        )

    def _at(self, place: Place) -> TopicPartition:
        return TopicPartition(self._log.prefix + place.topic, place.partition, 0)


class Noting(ElasticsearchConnection):
    """Keeps what would be written, and finds nothing."""

    def __init__(self) -> None:
        self.noted: list[Sequence[Write]] = []

    async def write(self, index: str, writes: Sequence[Write], *, refresh: bool = False) -> None:
        """See `ElasticsearchConnection.write`."""
        del index, refresh
        if writes:
            self.noted.append(writes)

    async def documents(self, index: str, document_ids: Collection[str]) -> dict[str, Any]:
        """See `ElasticsearchConnection.documents`."""
        del index, document_ids
        return {}

    async def search(self, index: str, *bodies: Body) -> list[Answer]:
        """See `ElasticsearchConnection.search`."""
        del index
        return [Answer([], 0) for _ in bodies]

    async def refresh(self, index: str) -> None:
        """See `ElasticsearchConnection.refresh`."""


async def measure(figures: Figures, settings: Settings, events: int, rounds: int) -> None:
    """Everything in turns, so that what disturbs one disturbs the others."""
    async with Town.opened(settings, events) as town:
        read, dispatched = list[Took](), list[Took]()
        built: dict[tuple[str, int], list[Took]] = {}
        bulk = list[Took]()
        await town.warm_up()
        for _ in range(rounds):
            for projection in PROJECTIONS:
                read.append(await asyncio.to_thread(town.read))
                dispatched.append(await town.dispatched())
                for processes in PROCESSES:
                    took = await town.rebuilt(projection, processes)
                    built.setdefault((projection.name, processes), []).append(took)
                if projection is SEARCH_INDEX:
                    bulk.append(await town.bulk())
    note = f"{sum(town.ends.values()):,} events"
    figures.add(figure("Topics read and decoded by the bare client", read, note=note))
    figures.add(figure("Dispatched to nothing", dispatched, read, aim=AIM, note="dispatch alone"))
    alone = {name: median(one.per_s for one in built[name, 1]) for name, _ in built}
    for name, rate in alone.items():
        several = median(one.per_s for one in built[name, 2]) / rate
        note = f"{several:.2f} times as fast by two processes"
        figures.add(figure(f"{name} rebuilt on its engine", built[name, 1], read, note=note))
    pairs = zip(built[SEARCH_INDEX.name, 1], bulk, strict=True)
    ratio = median(whole.per_s / alone.per_s for whole, alone in pairs)
    limit = median(one.per_s for one in bulk)
    name = "  documents of the search index alone, in bulk"
    figures.add(Figure(name, limit, "events/s", "bulk", ratio, note="the ratio is its replay's"))


def _stalled(name: str, error: Exception) -> None:
    raise RuntimeError(f"{name} stands still") from error
