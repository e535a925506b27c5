"""How far this process's clock is from Kafka's.

Ids say when something happened and which of two versions wins, so those who make them must agree
about the time. The broker dates what it appends, and appended a record of ours between its sending
and its acknowledgement: what lies outside of that is how much the clocks differ at the least.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from domain.errors import Unavailable
from infra.kafka.client import LOGGER, connection, failure
from infra.kafka.topics import CLOCK

DIFFERENCE_MS_MAX: Final = 500
PROBE_S: Final = 5.0
ANSWER_S: Final = 3.0

log = logging.getLogger("starling")


class BrokerClock:
    """Compares while it is `running`. A Kafka that does not answer changes nothing: what was found
    last counts, and who writes finds out by himself."""

    def __init__(
        self,
        servers: str,
        *,
        prefix: str = "",
        clock_ms: Callable[[], int],
        found: Callable[[int], None] = lambda _difference_ms: None,
    ) -> None:
        self._topic = prefix + CLOCK
        self._clock_ms = clock_ms
        self._found = found
        self._config = {
            **connection(servers),
            "acks": "1",
            "linger.ms": 0,
            "message.timeout.ms": int(1_000 * ANSWER_S),
        }
        self._producer: Producer | None = None
        self.difference_ms = 0

    @property
    def is_off(self) -> bool:
        """Whether the clocks differ by more than they may."""
        return abs(self.difference_ms) > DIFFERENCE_MS_MAX

    def check(self) -> None:
        """Raises Unavailable while the clocks differ by more than they may."""
        if self.is_off:
            raise Unavailable(f"The clock differs from Kafka's by {self.difference_ms} ms")

    async def compare(self) -> int:
        """By how many ms this clock is ahead of Kafka's now (behind: less than 0), at the least.

        Raises Unavailable.
        """
        was_off = self.is_off
        sent, appended, acknowledged = await asyncio.to_thread(self._ask)
        self.difference_ms = max(sent - appended, 0) - max(appended - acknowledged, 0)
        self._found(self.difference_ms)
        if self.is_off:
            log.error("The clock differs from Kafka's by %d ms", self.difference_ms)
        elif was_off:
            log.warning("The clock agrees with Kafka's again")
        return self.difference_ms

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Compare again and again as long as the context lasts."""
        comparing = asyncio.create_task(self._compare_for_ever(), name="clock")
        try:
            yield
        finally:
            comparing.cancel()
            await asyncio.gather(comparing, return_exceptions=True)

    async def _compare_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PROBE_S)
            try:
                await self.compare()
            except Unavailable as error:
                log.info("The clock cannot be compared: %s", error)

    def _ask(self) -> tuple[int, int, int]:
        """When a record was sent, appended and acknowledged; the second by Kafka's clock."""
        if self._producer is None:
            self._producer = Producer(self._config, logger=LOGGER)
        reports: list[tuple[KafkaError | None, int, int]] = []

        def reported(error: KafkaError | None, message: Any) -> None:
            reports.append((error, message.timestamp()[1], self._clock_ms()))

        sent = self._clock_ms()
        try:
            self._producer.produce(self._topic, b"", on_delivery=reported)
            self._producer.flush(2 * ANSWER_S)
        except (BufferError, KafkaException) as error:
            raise Unavailable(f"Kafka: {error}") from error
        if not reports:
            raise Unavailable("Kafka does not answer")
        refused, appended, acknowledged = reports[-1]
        if refused is not None:
            raise failure(refused)
        return sent, appended, acknowledged
