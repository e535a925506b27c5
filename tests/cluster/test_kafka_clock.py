"""A process whose clock differs from Kafka's makes no events."""

import os
from collections.abc import AsyncIterator
from typing import Final

import pytest

from domain.errors import Unavailable
from infra.kafka.clock import DIFFERENCE_MS_MAX, BrokerClock
from infra.kafka.topics import KafkaTopics
from infra.stamps import Lease, LeasedStamps, wall_clock_ms
from tests.cluster.local import LocalCluster, own_port

PREFIX: Final = f"clock{os.getpid()}_"
WRONG_MS: Final = 60_000
# A broker that is busy is not what is tested.
ANSWER_S: Final = 30.0


@pytest.fixture
async def servers(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr("infra.kafka.clock.ANSWER_S", ANSWER_S)
    servers = f"127.0.0.1:{cluster.ports.kafka}"
    topics = KafkaTopics(servers, prefix=PREFIX)
    await topics.create(1)
    yield servers
    await topics.drop()


class Leases:
    def acquire(self, now_ms: int) -> Lease:
        return Lease(1, now_ms + WRONG_MS)

    def extend(self, lease: Lease, now_ms: int) -> Lease:
        return Lease(lease.worker, now_ms + WRONG_MS)


async def test_clocks_that_agree_are_not_complained_of(servers: str) -> None:
    found: list[int] = []
    clock = BrokerClock(servers, prefix=PREFIX, clock_ms=wall_clock_ms, found=found.append)

    assert await clock.compare() == found[0]
    assert abs(found[0]) < DIFFERENCE_MS_MAX
    clock.check()


@pytest.mark.parametrize("by_ms", [WRONG_MS, -WRONG_MS])
async def test_no_ids_are_made_while_the_clock_is_wrong(servers: str, by_ms: int) -> None:
    off = [by_ms]
    clock = BrokerClock(servers, prefix=PREFIX, clock_ms=lambda: wall_clock_ms() + off[0])
    stamps = LeasedStamps(Leases(), check=clock.check)

    difference_ms = await clock.compare()
    with pytest.raises(Unavailable, match="clock"):
        stamps.event_id()
    off[0] = 0
    await clock.compare()

    assert abs(difference_ms - by_ms) < WRONG_MS / 2
    assert stamps.event_id() > 0


async def test_a_kafka_that_does_not_answer_changes_nothing() -> None:
    clock = BrokerClock(f"127.0.0.1:{own_port()}", clock_ms=wall_clock_ms)

    with pytest.raises(Unavailable):
        await clock.compare()

    clock.check()
