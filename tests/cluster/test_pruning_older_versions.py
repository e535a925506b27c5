"""Pruning on the engines drops what is left of older versions of a projection that nobody fills."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final, NamedTuple

import pytest
from confluent_kafka import Consumer

from infra.engines import engines_of
from infra.kafka.client import connection
from infra.profiles import cluster_swaps
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_stores import opened
from infra.profiles.cluster_swaps import ClusterSwaps, swaps_of
from infra.profiles.names import Names
from infra.settings import Settings
from projections.trends import TRENDS
from streams.registry import BY_NAME
from tests.cluster.local import LocalCluster

FIRST, SECOND, THIRD = (replace(TRENDS, version=version) for version in (1, 2, 3))
JOINED_S: Final = 240.0


class Town(NamedTuple):
    swaps: ClusterSwaps
    clients: Clients
    log: ClusterLog

    async def schemas(self) -> list[str]:
        """What there is of trends."""
        rows = await self.log.database.rows("SELECT nspname FROM pg_namespace ORDER BY 1")
        names = self.clients.names.of(replace(TRENDS, version=0), 0).removesuffix("0_0")
        return [row[0].removeprefix(names) for row in rows if row[0].startswith(names)]

    @asynccontextmanager
    async def followed(self, group: str) -> AsyncIterator[None]:
        """A member of the group, for as long as the context lasts."""
        member = Consumer({**connection(self.log.servers), "group.id": group})
        member.subscribe([f"{self.log.prefix}new_tweet"])
        try:
            async with asyncio.timeout(JOINED_S):
                while not member.assignment():
                    await asyncio.to_thread(member.poll, 0.1)
            yield
        finally:
            await asyncio.to_thread(member.close)


@pytest.fixture
async def town(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """A program that has the third version, where the first and second were at work."""
    named = {**BY_NAME, "trends": THIRD}
    monkeypatch.setattr(cluster_swaps, "projection_named", named.__getitem__)
    settings = Settings(
        profile="cluster",
        cluster_port=str(cluster.base_port),
        namespace=f"older{os.getpid()}",
        partitions="1",
    )
    async with AsyncExitStack() as opening:
        clients = Clients(engines_of(settings), Names(settings.namespace), opening)
        log = await ClusterLog.open(clients, opening, settings)
        swaps = swaps_of(log, settings)
        await swaps.known.swap(await swaps.known.begin(SECOND))
        for projection, number in ((FIRST, 1), (SECOND, 1), (SECOND, 2), (THIRD, 1)):
            await opened(projection, clients, settings, generation=number)
        yield Town(swaps, clients, log)
        await log.topics.drop()
        for schema in await town_schemas(log, settings.namespace):
            await log.database.rows(f"DROP SCHEMA {schema} CASCADE")


async def town_schemas(log: ClusterLog, namespace: str) -> list[str]:
    rows = await log.database.rows(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", (namespace,)
    )
    return [row[0] for row in rows]


async def test_what_is_left_of_older_versions_goes_once_nobody_fills_it(town: Town) -> None:
    async with town.followed(town.clients.names.group(SECOND, 2)):
        first = await town.swaps.prune("trends")
        between = await town.schemas()
    second = await town.swaps.prune("trends")
    third = await town.swaps.prune("trends")

    assert [one[1:3] for one in first] == [(1, 1)]
    assert between == ["2_1", "2_2", "3_1"]
    assert [one[1:3] for one in second] == [(2, 1), (2, 2)]
    assert third == []
    assert await town.schemas() == ["3_1"]
    assert (await town.swaps.known.live(THIRD)).number == 1
