"""When what happened in the log on the engines.

Kafka says when records came, by the broker's clock; the events' own times say the rest. What Kafka
no longer has is looked up in the archive.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from domain.ids import millis_of
from domain.topics import Place, place_of
from infra.kafka.reading import KafkaRecord, PartitionReader
from infra.kafka.topics import KafkaTopics
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_records import ClusterRecords, text_of
from streams.moments import DISORDER, Dated, dated, first_later, position_at

LOOKED_BACK: Final = 100


class TopicsLog:
    """Implements `infra.moments.DatedLog`."""

    def __init__(self, records: ClusterRecords, topics: KafkaTopics) -> None:
        self._records = records
        self._topics = topics

    async def ends(self) -> Mapping[int, int]:
        """See `DatedLog.ends`."""
        return {place.number: end for place, end in (await self._records.ends()).items()}

    async def positions_at(self, at_ms: int) -> Mapping[int, int]:
        """See `DatedLog.positions_at`."""
        starts, ends = await self._records.starts(), await self._records.ends()
        came = await self._topics.since(at_ms)
        found = {}
        for place, end in ends.items():
            since = min(came.get(place, end), end)
            read = partial(self._read, place, start=starts[place], since=since, at_ms=at_ms)
            if since > starts[place] or not starts[place]:
                reached = await first_later(read, max(since - DISORDER, 0), end, at_ms)
            else:
                # It may have been long before what Kafka still has.
                reached = await position_at(read, 0, end, at_ms)
            found[place.number] = reached
        return found

    async def at_ms(self, vector: Mapping[int, int]) -> int:
        """See `DatedLog.at_ms`."""
        starts = await self._records.starts()
        newest = [
            await self._newest_ms(place_of(number), position, starts[place_of(number)])
            for number, position in vector.items()
            if position
        ]
        return max(newest, default=0)

    async def _newest_ms(self, place: Place, position: int, start: int) -> int:
        after = max(position - LOOKED_BACK, 0)
        pages = self._records.read(place, after, position, start)
        records = [record async for page in pages for record in page]
        known = [one.at_ms for one in map(_dated, records) if one.at_ms is not None]
        ids = (_event_id(record) for record in records)
        return max(known or (millis_of(one) for one in ids if one is not None), default=0)

    async def _read(
        self, place: Place, after: int, limit: int, *, start: int, since: int, at_ms: int
    ) -> list[Dated]:
        pages = self._records.read(place, after, after + limit, start)
        found = [_dated(record) async for page in pages for record in page]
        # What was imported says nothing itself, but is later where it came later.
        return [
            Dated(one.position, at_ms + 1) if one.at_ms is None and one.position > since else one
            for one in found
        ]


def _dated(record: KafkaRecord) -> Dated:
    return dated(record.offset + 1, _event_id(record))


def _event_id(record: KafkaRecord) -> int | None:
    said = text_of(dict(record.headers), "ce_id")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 19 else None


@asynccontextmanager
async def dated_log(log: ClusterLog) -> AsyncIterator[TopicsLog]:
    """That of an installation."""
    reader = await asyncio.to_thread(PartitionReader, log.servers, prefix=log.prefix)
    try:
        yield TopicsLog(ClusterRecords(log, reader), log.topics)
    finally:
        await asyncio.to_thread(reader.close)
