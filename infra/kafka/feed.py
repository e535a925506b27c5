"""The topics as a feed for who has no group: the newest events from memory, older ones by seeking.

What is new comes by a thread (`infra.kafka.following`) from where the topics ended at the start.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from domain.errors import Unavailable
from domain.topics import place_of
from infra.kafka.following import Following
from infra.kafka.lookup import KafkaLookup, decoded
from infra.kafka.reading import PartitionReader
from infra.kafka.tails import Tails
from infra.kafka.topics import KafkaTopics
from streams.envelope import Codec
from streams.feed import Fed

TAIL_MAX: Final = 300
BATCH: Final = 1_000


class KafkaFeed:
    """Implements `streams.feed.Feed` for all partitions of all topics, between `start` and
    `close`. Partitions go by number (`domain.topics.Place.number`)."""

    def __init__(
        self, servers: str, codec: Codec, *, prefix: str = "", tail_max: int = TAIL_MAX
    ) -> None:
        self._servers = servers
        self._codec = codec
        self._prefix = prefix
        self._tail_max = tail_max
        self._topics = KafkaTopics(servers, prefix=prefix)
        self._partitions: Sequence[int] = ()
        self._tails = Tails({}, tail_max)
        self._following: Following | None = None
        self._lookup = KafkaLookup(servers, codec, prefix=prefix)

    async def start(self) -> None:
        """Follow the topics from their present ends. Raises Unavailable."""
        ends = await self._topics.ends()
        if not ends:
            raise Unavailable("Kafka has none of the topics")
        heads = {place.number: end for place, end in ends.items()}
        self._partitions = sorted(heads)
        self._tails = Tails(heads, self._tail_max)
        self._following = Following(
            self._servers, self._codec, self._tails, ends, prefix=self._prefix
        )
        self._following.start()

    @property
    def partitions(self) -> Sequence[int]:
        """The numbers of all of them, once it was started."""
        return self._partitions

    def newest_id(self) -> int:
        """The greatest id of an event that came since the start; 0 before."""
        return self._tails.newest_id

    def head(self, partition: int) -> int:
        """See `Feed.head`: of the newest event that has come here."""
        return self._tails.head(partition)

    async def positions(self) -> Mapping[int, int]:
        """The position of the newest event of every partition, as Kafka says now.

        Raises Unavailable.
        """
        return {place.number: end for place, end in (await self._topics.ends()).items()}

    async def wait(self, partition: int, after: int) -> None:
        """See `Feed.wait`. Returns also when the feed ends, of which `read` tells."""
        await self._tails.wait_any({partition: after})

    async def wait_any(self, after: Mapping[int, int]) -> None:
        """Return once one of these partitions has an event behind its position."""
        await self._tails.wait_any(after)

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        """See `Feed.read`. Raises TrimmedAway where only the archive has them."""
        if self._following is None or self._tails.ended:
            raise Unavailable("The feed does not follow the topics")
        found = self._tails.behind(partition, after, limit)
        if found is not None:
            return found
        return await self._lookup.read(partition, after, limit)

    async def read_range(
        self, partition: int, after: int, until: int
    ) -> AsyncIterator[Sequence[Fed]]:
        """The events behind `after` up to and including `until`, in batches, by a connection of
        its own: several may be read at once. Raises TrimmedAway, Unavailable."""
        place = place_of(partition)
        reader = await asyncio.to_thread(PartitionReader, self._servers, prefix=self._prefix)
        try:
            while after < until:
                limit = min(BATCH, until - after)
                batch = await asyncio.to_thread(decoded, reader, self._codec, place, after, limit)
                if not batch:
                    raise Unavailable(f"{place.name} ends at {after}, before {until}")
                after = batch[-1].position
                yield batch
        finally:
            await asyncio.to_thread(reader.close)

    async def close(self) -> None:
        """Follow no more, and let the connections go."""
        if self._following is not None:
            await asyncio.to_thread(self._following.close)
        await self._lookup.close()
