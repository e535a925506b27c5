"""What the producer does about failures that a healthy Kafka does not show."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from domain.errors import Unavailable
from infra.kafka import producer as producing
from infra.kafka.client import failure
from infra.kafka.producer import KafkaProducer
from streams.records import Record

RECORD = Record("new_tweet", b"1", b"", ())


class FakeMessage:
    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7


class FakeProducer:
    """librdkafka's promises: reports come from within `poll`, which also raises a
    fatal error, once; after that nothing goes."""

    made: list["FakeProducer"]

    def __init__(self, config: dict[str, Any], logger: object) -> None:
        self._queued: list[Callable[[KafkaError | None, Any], None]] = []
        self.dies = not self.made
        self._told = False
        self.made.append(self)

    def __len__(self) -> int:
        return len(self._queued)

    def produce(self, *_: Any, on_delivery: Any, **__: Any) -> None:
        self._queued.append(on_delivery)

    def poll(self, timeout: float) -> None:
        if not self.dies:
            self._report(None)
        elif self._queued and not self._told:
            self._told = True
            raise KafkaException(KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, fatal=True))

    def purge(self) -> None:
        assert self.dies

    def flush(self, timeout: float) -> None:
        self._report(KafkaError(KafkaError._PURGE_QUEUE))  # noqa: SLF001 - has no other name

    def _report(self, error: KafkaError | None) -> None:
        queued, self._queued = self._queued, []
        for report in queued:
            report(error, FakeMessage())


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[FakeProducer]:
    FakeProducer.made = []
    monkeypatch.setattr(producing, "Producer", FakeProducer)
    return FakeProducer.made


async def test_after_a_fatal_error_there_is_a_new_producer(fakes: list[FakeProducer]) -> None:
    producer = KafkaProducer("nowhere")
    await producer.start()

    with pytest.raises(Unavailable):
        await producer.produce([RECORD, RECORD])

    ((place, offset),) = await producer.produce([RECORD])
    assert (place, offset) == (("new_tweet", 3), 7)
    assert len(fakes) == 2
    await producer.close()


async def test_where_many_are_on_their_way_they_are_told_of_together(
    fakes: list[FakeProducer],
) -> None:
    producer = KafkaProducer("nowhere")
    await producer.start()
    fakes[0].dies = False

    many = range(4 * producing.GATHER_FROM)
    told = await asyncio.gather(*(producer.produce([RECORD]) for _ in many))

    assert [offset for ((_, offset),) in told] == [7 for _ in many]
    await producer.close()


async def test_a_producer_that_was_not_started_is_unavailable(fakes: list[FakeProducer]) -> None:
    with pytest.raises(Unavailable):
        await KafkaProducer("nowhere").produce([RECORD])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.NOT_ENOUGH_REPLICAS, Unavailable),
        (KafkaError.REQUEST_TIMED_OUT, Unavailable),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, Unavailable),
        (KafkaError.MSG_SIZE_TOO_LARGE, KafkaException),
        (KafkaError.INVALID_RECORD, KafkaException),
    ],
)
def test_outages_are_unavailable_and_bugs_stay_bugs(code: int, kind: type[Exception]) -> None:
    assert isinstance(failure(KafkaError(code)), kind)
