"""The brokers say which process has which partition, from its start to its death."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import pytest

from domain.errors import Unavailable
from infra.kafka.groups import KafkaGroups
from tests.cluster.notebook import NOTEBOOK
from tests.cluster.worker_town import AGAIN_S, PARTITIONS, WAIT_S, Town

NOWHERE = "127.0.0.1:1"
Owners = Mapping[tuple[str, int], str]


async def shared_by(groups: KafkaGroups, group: str, pids: set[int]) -> Owners:
    """Who has what, once all partitions are shared by these processes and no other."""
    topics = {event.TOPIC for event in NOTEBOOK.events}
    async with asyncio.timeout(WAIT_S):
        while True:
            found: Owners = {}
            # A broker of which nobody was a member before makes its topic for that first.
            with suppress(Unavailable):
                found = (await groups.owners([group])).get(group, {})
            owners = {int(one.rpartition(":")[2]) for one in found.values()}
            if owners == pids and len(found) == len(topics) * PARTITIONS:
                return found
            await asyncio.sleep(AGAIN_S)


async def test_each_process_is_told_with_its_partitions_until_it_is_dead(town: Town) -> None:
    groups, group = KafkaGroups(town.brokers), f"{town.prefix}{NOTEBOOK.name}-{NOTEBOOK.version}-1"
    ada, bob = town.process("ada"), town.process("bob")

    both = await shared_by(groups, group, {ada.pid, bob.pid})
    ada.kill()
    one = await shared_by(groups, group, {bob.pid})

    assert both.keys() == one.keys()
    assert {topic.removeprefix(town.prefix) for topic, _ in one} == {
        event.TOPIC for event in NOTEBOOK.events
    }


async def test_an_outage_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.groups.TIMEOUT_S", 1.0)

    with pytest.raises(Unavailable):
        await KafkaGroups(NOWHERE).owners(["anybody"])
