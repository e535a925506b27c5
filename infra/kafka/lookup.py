"""Events looked up in the topics now and then, by partition and position: it follows nothing."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from domain.topics import Place, place_of
from infra.kafka.reading import PartitionReader
from streams.envelope import Codec
from streams.feed import Fed
from streams.records import load_keys


class KafkaLookup:
    """Implements `streams.feed.Lookup`; connects when it is asked first."""

    def __init__(self, servers: str, codec: Codec, *, prefix: str = "") -> None:
        self._servers = servers
        self._codec = codec
        self._prefix = prefix
        self._seeking = ThreadPoolExecutor(1, thread_name_prefix="kafka-seek")
        self._reader: PartitionReader | None = None

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        """See `Lookup.read`. Raises TrimmedAway where only the archive has them."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._seeking, self._read, partition, after, limit)

    async def close(self) -> None:
        """Let the connection go."""
        if self._reader is not None:
            await asyncio.to_thread(self._reader.close)
        self._seeking.shutdown(wait=False)

    def _read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        if self._reader is None:
            self._reader = PartitionReader(self._servers, prefix=self._prefix)
        return decoded(self._reader, self._codec, place_of(partition), after, limit)


def decoded(
    reader: PartitionReader, codec: Codec, place: Place, after: int, limit: int
) -> Sequence[Fed]:
    """What a reader finds there, decoded. Blocks. Raises TrimmedAway, Unavailable."""
    records = reader.read(place, after, limit)
    load_keys(records, codec)
    return [one.fed(place, codec) for one in records]
