"""What the cluster profile keeps of people, in its engines.

What is deleted there can be asked for by nobody from then on. Its bytes go when the engine next
writes those files anew: Cassandra and Elasticsearch when they compact and merge, PostgreSQL when it
vacuums, Redis when it rewrites its append-only file; what stood in the cache before a view is given
to nobody from that moment either, and has left Redis' memory ten minutes later.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from commands.ports import Handles
from domain.events import Recorded
from infra.importing import forgetting
from infra.kafka.reading import PartitionReader
from infra.kafka.topics import KafkaTopics
from infra.remains import Person
from projections.stores import Stores
from streams.envelope import Codec
from streams.feed import Fed
from streams.registry import joined

BATCH: Final = 1_000


class ClusterRemains:
    """Implements `infra.remains.Remains`. `folder` is the serving process's own; `past` has the
    generations as of moments take the closing, whom their topics tell nothing."""

    def __init__(
        self,
        servers: str,
        prefix: str,
        stores: Stores,
        handles: Handles,
        folder: Path,
        *,
        past: Callable[[Recorded], Awaitable[None]],
    ) -> None:
        self._servers = servers
        self._prefix = prefix
        self._stores = stores
        self._handles = handles
        self._folder = folder
        self._past = past

    def log(self, codec: Codec) -> AsyncIterator[Sequence[Fed]]:
        """See `Remains.log`."""
        return batches_of(self._servers, self._prefix, codec)

    async def purge(self, closed: Recorded) -> None:
        """See `Remains.purge`. Other generations take it from their topic."""
        for projection, store in joined(self._stores):
            await store.apply(projection.project([closed]), {})
        await self._past(closed)

    async def forget(self, person: Person) -> Mapping[str, int]:
        """See `Remains.forget`. Idempotency-Keys are sealed with the key that is destroyed; that
        of a sign-up ends by itself (`infra.sealed_answers.KEPT_MS`)."""
        rejects = await asyncio.to_thread(
            forgetting.forget,
            self._folder / "imports",
            self._handles,
            handle=person.handle,
            source=person.source,
        )
        return {"rejected_lines": rejects}


async def batches_of(servers: str, prefix: str, codec: Codec) -> AsyncIterator[Sequence[Fed]]:
    """Everything the topics have now. Raises TrimmedAway where only the archive has it,
    Unavailable."""
    ends = await KafkaTopics(servers, prefix=prefix).ends()
    reader = await asyncio.to_thread(PartitionReader, servers, prefix=prefix)
    try:
        for place, end in ends.items():
            position = 0
            while position < end:
                limit = min(BATCH, end - position)
                records = await asyncio.to_thread(reader.read, place, position, limit)
                if not records:
                    break
                yield await asyncio.to_thread(
                    lambda place, some: [one.fed(place, codec) for one in some], place, records
                )
                position = records[-1].offset + 1
    finally:
        await asyncio.to_thread(reader.close)
