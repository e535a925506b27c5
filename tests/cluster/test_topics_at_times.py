"""Where the topics of a real Kafka were at a time."""

from typing import Any, Final

from domain.ids import millis_of
from infra.kafka.reading import PartitionReader
from infra.profiles.cluster_moments import TopicsLog
from infra.profiles.cluster_records import ClusterRecords
from infra.stamps import wall_clock_ms
from tests.cluster.kafka_log import KafkaLog, by_partition, kafka_log, likes
from tests.cluster.local import LocalCluster

LIKES: Final = 60
FAR_AHEAD_MS: Final = 86_400_000


async def test_it_is_before_the_first_later_event_of_each_partition(cluster: LocalCluster) -> None:
    async with kafka_log(cluster) as log:
        recorded = await log.record(likes(LIKES))
        at_ms = millis_of(recorded[LIKES // 2].event.event_id)
        reader = PartitionReader(log.servers, prefix=log.prefix)
        try:
            found = await log_of(log, reader).positions_at(at_ms)
        finally:
            reader.close()

    expected = {
        partition: sum(millis_of(one.event.event_id) <= at_ms for one in events)
        for partition, events in by_partition(recorded).items()
    }
    assert {one: position for one, position in found.items() if position} == expected


async def test_kafka_says_when_records_came(cluster: LocalCluster) -> None:
    async with kafka_log(cluster) as log:
        recorded = await log.record(likes(LIKES))
        topics, now_ms = log.topics, wall_clock_ms()

        assert await topics.since(now_ms + FAR_AHEAD_MS) == {}
        before = await topics.since(now_ms - FAR_AHEAD_MS)

    assert {place.number: offset for place, offset in before.items()} == dict.fromkeys(
        by_partition(recorded), 0
    )


def log_of(log: KafkaLog, reader: PartitionReader) -> TopicsLog:
    whole: Any = log
    return TopicsLog(ClusterRecords(whole, reader), log.topics)
