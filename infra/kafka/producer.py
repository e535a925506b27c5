"""Records into Kafka from asyncio: idempotent, acknowledged by every replica in sync.

Confluent's own asyncio producer takes no headers in its batches, holds records back until a
buffer is full, and pays a thread switch for each call. Here a record goes straight to librdkafka,
which batches across callers anyway; one thread collects delivery reports and hands them to the
event loop by the group.
"""

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from domain.errors import Unavailable
from domain.topics import Place
from infra.breaker import Breaker
from infra.kafka.client import LOGGER, connection, failure
from streams.records import Record

POLL_S: Final = 0.1
# Where so many records are on their way, reports gather for so long before the loop is told: then
# who waited for them goes on together, and asks together for what comes next.
GATHER_FROM: Final = 8
GATHER_S: Final = 0.002


class Limits(NamedTuple):
    """How many records may be on their way, for how long a delivery is tried, and for how long a
    record waits for others to travel with."""

    records: int = 20_000
    delivery_s: float = 5.0
    linger_ms: int = 1


LIMITS: Final = Limits()


class _Sent:
    """The records of one call. Only the collecting thread writes here."""

    __slots__ = ("delivered", "error", "left", "places", "records")

    def __init__(
        self, records: Sequence[Record], delivered: "asyncio.Future[Sequence[tuple[Place, int]]]"
    ) -> None:
        self.records = records
        self.delivered = delivered
        self.left = len(records)
        self.places: list[tuple[Place, int]] = [(Place("", 0), 0)] * len(records)
        self.error: KafkaError | None = None

    def settle(self) -> None:
        """Tell the caller, who may have gone."""
        if self.delivered.done():
            return
        if self.error is None:
            self.delivered.set_result(self.places)
        else:
            self.delivered.set_exception(failure(self.error))


class KafkaProducer:
    """`produce` from any number of callers of one event loop, between `start` and `close`."""

    def __init__(self, servers: str, *, prefix: str = "", limits: Limits = LIMITS) -> None:
        self._prefix = prefix
        self._limits = limits
        self._config = {
            **connection(servers),
            "enable.idempotence": True,
            "acks": "all",
            # What Kafka's own clients do with a key.
            "partitioner": "murmur2_random",
            "linger.ms": limits.linger_ms,
            "message.timeout.ms": int(1_000 * limits.delivery_s),
            "queue.buffering.max.messages": 2 * limits.records,
        }
        self.breaker = Breaker("Kafka", outage=Unavailable)
        self._producer = self._open()
        self._outstanding = 0
        self._settled: list[_Sent] = []
        self._reports = 0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Collect delivery reports from now on."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._collect, args=(loop,), name="kafka-reports", daemon=True
        )
        self._thread.start()

    async def produce(
        self, records: Sequence[Record], *, partition: int = -1
    ) -> Sequence[tuple[Place, int]]:
        """Where each record stands now: its partition and its offset.

        Records of one key keep their order. By default the key decides the partition; to name one
        is for putting records back where they were. Raises Unavailable: at once where too many
        are on their way or Kafka did not answer a moment ago, else after the time-out, and then
        the outcome of each is unknown.
        """
        if self._thread is None or self._ending.is_set():
            raise Unavailable("The producer does not run")
        if self._outstanding + len(records) > self._limits.records:
            raise Unavailable("Too many records are on their way to Kafka")
        if not records:
            return ()
        with self.breaker.passing():
            return await self._produce(records, partition)

    async def _produce(
        self, records: Sequence[Record], partition: int
    ) -> Sequence[tuple[Place, int]]:
        sent = _Sent(records, asyncio.get_running_loop().create_future())
        try:
            for index, record in enumerate(records):
                self._producer.produce(
                    self._prefix + record.topic,
                    record.value,
                    record.key,
                    partition,
                    headers=list(record.headers),
                    on_delivery=partial(self._reported, sent, index),
                )
                self._outstanding += 1
        except BufferError as error:
            raise Unavailable("Too many bytes are on their way to Kafka") from error
        except KafkaException as error:
            raise failure(error.args[0]) from error
        return await sent.delivered

    async def close(self) -> None:
        """Deliver what is on its way, or give up on it after the time-out."""
        self._ending.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _open(self) -> Producer:
        return Producer(self._config, logger=LOGGER)

    def _reported(self, sent: _Sent, index: int, error: KafkaError | None, message: Any) -> None:
        """Called by librdkafka from within `poll`."""
        self._reports += 1
        if error is None:
            place = Place(sent.records[index].topic, message.partition())
            sent.places[index] = (place, message.offset())
        else:
            sent.error = error
        sent.left -= 1
        if sent.left == 0:
            self._settled.append(sent)

    def _collect(self, loop: asyncio.AbstractEventLoop) -> None:
        while not (self._ending.is_set() and len(self._producer) == 0):
            try:
                self._producer.poll(POLL_S)
                if self._reports and self._outstanding >= GATHER_FROM:
                    self._ending.wait(GATHER_S)
                    self._producer.poll(0)
            except KafkaException as error:
                self._begin_anew(error)
            if self._reports:
                settled, self._settled = self._settled, []
                reports, self._reports = self._reports, 0
                if loop.is_closed():
                    return
                loop.call_soon_threadsafe(self._settle, settled, reports)

    def _begin_anew(self, error: KafkaException) -> None:
        """After a fatal error, which `poll` raises once, librdkafka refuses everything for ever.
        What was on its way is reported as failed."""
        LOGGER.error("There is a new Kafka producer after: %s", error)
        old, self._producer = self._producer, self._open()
        old.purge()
        old.flush(self._limits.delivery_s)

    def _settle(self, settled: Sequence[_Sent], reports: int) -> None:
        self._outstanding -= reports
        for sent in settled:
            sent.settle()
