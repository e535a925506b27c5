"""The topics on a real Kafka: made once, for life, so that nothing is ever lost."""

from collections.abc import AsyncIterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from domain.errors import Unavailable
from domain.topics import TOPICS, Place
from infra.kafka.topics import KafkaTopics, TopicMismatch
from tests.cluster.kafka_log import NOWHERE, PARTITIONS, KafkaLog, kafka_log, likes
from tests.cluster.local import LocalCluster


@pytest.fixture
async def log(cluster: LocalCluster) -> AsyncIterator[KafkaLog]:
    async with kafka_log(cluster) as log:
        yield log


async def test_the_five_topics_are_made_with_the_partitions_asked_for(log: KafkaLog) -> None:
    assert set(log.made) == set(TOPICS)
    assert {topic.partitions for topic in log.made.values()} == {PARTITIONS}


async def test_making_them_again_changes_nothing(log: KafkaLog) -> None:
    assert await log.topics.create(PARTITIONS) == log.made


async def test_another_number_of_partitions_is_refused(log: KafkaLog) -> None:
    with pytest.raises(TopicMismatch, match="not 5 partitions"):
        await log.topics.create(PARTITIONS + 2)

    assert await log.topics.describe() == log.made


async def test_a_topic_that_forgets_is_refused(cluster: LocalCluster) -> None:
    async with kafka_log(cluster) as log:
        await log.topics.drop(["new_reply"])
        admin = AdminClient({"bootstrap.servers": log.servers})
        name = f"{log.prefix}new_reply"
        forgetful = NewTopic(name, PARTITIONS, 1, config={"retention.ms": "60000"})
        admin.create_topics([forgetful])[name].result(60)

        with pytest.raises(TopicMismatch, match=r"retention\.ms"):
            await log.topics.create(PARTITIONS)


async def test_a_topic_made_anew_is_another_incarnation(log: KafkaLog) -> None:
    await log.topics.drop(["new_tweet"])

    anew = await log.topics.create(PARTITIONS)

    assert {name for name in TOPICS if anew[name] != log.made[name]} == {"new_tweet"}


async def test_ends_are_where_the_next_records_will_stand(log: KafkaLog) -> None:
    recorded = await log.record(likes(10, people=1))
    place = Place("analytics_events", recorded[0].partition % 1_000)

    ends = await log.topics.ends()

    assert ends.pop(place) == recorded[-1].position == 10
    assert set(ends.values()) == {0}
    assert len(ends) == PARTITIONS * len(TOPICS) - 1


async def test_records_behind_an_offset_can_be_deleted(log: KafkaLog) -> None:
    recorded = await log.record(likes(10, people=1))
    place = Place("analytics_events", recorded[0].partition % 1_000)

    await log.topics.delete_behind({place: 4})

    assert (await log.topics.starts())[place] == 4
    assert (await log.topics.ends())[place] == 10


async def test_a_kafka_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.topics.TIMEOUT_S", 1.0)

    with pytest.raises(Unavailable):
        await KafkaTopics(NOWHERE).describe()
