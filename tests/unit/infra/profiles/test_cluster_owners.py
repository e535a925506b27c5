"""Which worker has which partition, from what the brokers know of the groups."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, cast

import pytest

from domain.errors import Unavailable
from infra.profiles import cluster_owners
from infra.profiles.cluster_owners import ClusterOwners
from infra.profiles.names import Names

Found = Mapping[str, Mapping[tuple[str, int], str]]


class Groups:
    """Two workers share the partitions of a generation of trends."""

    def __init__(self) -> None:
        self.asked: Collection[str] = ()

    async def owners(self, groups: Collection[str]) -> Found:
        self.asked = list(groups)
        return {
            "here.trends-1-2": {
                ("here.new_tweet", 0): "alder:17",
                ("here.new_tweet", 3): "birch:4",
                ("here.analytics_events", 0): "alder:17",
            }
        }


class Away:
    async def owners(self, groups: Collection[str]) -> Found:
        raise Unavailable


class Silent:
    async def owners(self, groups: Collection[str]) -> Found:
        return await asyncio.Future()


def owners(groups: Any) -> ClusterOwners:
    return ClusterOwners(cast("Any", groups), Names("here"), lambda name: 1 + (name == "trends"))


async def test_partitions_are_named_as_in_vectors_and_projections_as_everywhere() -> None:
    groups = Groups()

    found = await owners(groups).owned()

    assert found == {
        "trends": {
            "new_tweet/0": "alder:17",
            "new_tweet/3": "birch:4",
            "analytics_events/0": "alder:17",
        }
    }
    assert {"here.trends-1-2", "here.post_cards-1-1"} <= set(groups.asked)


@pytest.mark.parametrize("groups", [Away(), Silent()])
async def test_nobody_is_told_where_kafka_does_not_answer(
    groups: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_owners, "ANSWER_S", 0.01)

    assert await owners(groups).owned() == {}
