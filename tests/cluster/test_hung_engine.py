"""An engine that hangs is worse than one that is gone: it costs whoever asks it a time-out."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx
import pytest

from domain.topics import Place
from infra.breaker import LIMITS, Breaker
from infra.kafka.reading import PartitionReader
from infra.profiles.names import Names
from infra.redis import client as redis_client
from projections.projection import StoreUnavailable
from tests.blackbox.client import Api
from tests.blackbox.server import Server, serving
from tests.clock import Clock
from tests.cluster import local
from tests.cluster.local import LocalCluster, own_namespace
from tests.cluster.redis_homes import address

TIMEOUT_S: Final = 3.0
CLIENTS: Final = 40
READY_S: Final = 30.0
POSTS: Final = 200
PARTITIONS: Final = 2
RECORDS_MAX: Final = 100_000


@pytest.fixture
def redis(engines_can_run: None) -> Iterator[LocalCluster]:
    """A Redis that nobody else uses."""
    own = local.own(("redis",))
    own.up()
    try:
        yield own
    finally:
        _signal(own, signal.SIGCONT)
        local.stop(own.folder.name)


def _signal(redis: LocalCluster, number: signal.Signals) -> None:
    os.kill(redis.status()["redis"]["pid"], number)


async def test_only_the_first_ones_wait_for_a_hung_engine(
    redis: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "TIMEOUT_S", TIMEOUT_S)
    client, clock = redis_client.client(address(redis.ports.redis)), Clock()
    client.breaker = Breaker("Redis", clock=clock)

    async def ask() -> None:
        with redis_client.outages_told(client):
            await client.get("nothing")

    await ask()
    _signal(redis, signal.SIGSTOP)
    asked = (ask() for _ in range(LIMITS.outages))
    first = await asyncio.gather(*asked, return_exceptions=True)
    with pytest.raises(StoreUnavailable):
        await ask()
    refused_at_once = client.breaker.refused
    _signal(redis, signal.SIGCONT)
    clock.now += LIMITS.pause_s
    await ask()
    state = client.breaker.state
    await client.aclose()

    assert {type(one) for one in first} == {StoreUnavailable}
    assert refused_at_once == 1
    assert state == "closed"


@pytest.fixture
def server(cluster: LocalCluster, redis: LocalCluster, tmp_path: Path) -> Iterator[Server]:
    """A server of the cluster profile on the shared engines, but for its Redis."""
    settings = {
        "STARLING_PROFILE": "cluster",
        "STARLING_CLUSTER_PORT": str(cluster.base_port),
        "STARLING_REDIS": address(redis.ports.redis),
        "STARLING_NAMESPACE": own_namespace("h"),
        "STARLING_PARTITIONS": str(PARTITIONS),
        "STARLING_RATE_LIMITS": "off",
        "STARLING_LOG_LEVEL": "warning",
    }
    with serving(tmp_path / "data", **settings) as server:
        yield server


@pytest.mark.torture
async def test_what_needs_it_is_refused_at_once_and_the_rest_goes_on(
    server: Server, redis: LocalCluster
) -> None:
    bearer = _signed_in(server)
    async with httpx.AsyncClient(base_url=server.url, timeout=30, headers=bearer) as http:

        async def states() -> dict[str, str]:
            ready = await http.get("/readyz")
            return {part["name"]: part["state"] for part in ready.json()["parts"]}

        before = (await states())["Redis"]
        _signal(redis, signal.SIGSTOP)
        homes = (http.get("/v1/timelines/home") for _ in range(CLIENTS))
        first = await asyncio.gather(*homes)
        began = time.monotonic()
        refused = await http.get("/v1/timelines/home")
        took_s = time.monotonic() - began
        posted = await http.post("/v1/tweets", json={"text": "still here"})
        during = (await states())["Redis"]
        _signal(redis, signal.SIGCONT)
        async with asyncio.timeout(READY_S):
            while (await http.get("/v1/timelines/home")).status_code != 200:
                await asyncio.sleep(0.1)
        after = (await states())["Redis"]

    assert {one.status_code for one in (*first, refused)} == {503}
    assert refused.headers["Retry-After"] == "1"
    assert took_s < 0.5
    assert posted.status_code == 201
    assert (before, after) == ("up", "up")
    assert during in {"down", "degraded"}


@pytest.mark.torture
async def test_a_server_that_is_told_to_stop_loses_nothing(
    server: Server, cluster: LocalCluster
) -> None:
    bearer = _signed_in(server)
    acknowledged: set[str] = set()

    posting = [
        asyncio.create_task(_post_until_gone(server.url, bearer, acknowledged))
        for _ in range(CLIENTS)
    ]
    async with asyncio.timeout(READY_S):
        while len(acknowledged) < POSTS:
            await asyncio.sleep(0.1)
    status = await asyncio.to_thread(server.stop)
    await asyncio.gather(*posting)

    assert status == 0
    namespace = server.environ["STARLING_NAMESPACE"]
    assert acknowledged <= await asyncio.to_thread(_in_the_log, cluster, namespace)


def _signed_in(server: Server) -> dict[str, str]:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        ada = Api(http).person()
    return {"Authorization": f"Bearer {ada.session['access_token']}"}


async def _post_until_gone(url: str, bearer: dict[str, str], acknowledged: set[str]) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30, headers=bearer) as http:
        while True:
            try:
                answer = await http.post("/v1/tweets", json={"text": "to be or not"})
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                acknowledged.add(answer.json()["id"])


def _in_the_log(cluster: LocalCluster, namespace: str) -> set[str]:
    """The ids of what is in Kafka."""
    prefix = Names(namespace).topics
    with closing(PartitionReader(f"127.0.0.1:{cluster.ports.kafka}", prefix=prefix)) as reader:
        records = [
            record
            for partition in range(PARTITIONS)
            for record in reader.read(Place("new_tweet", partition), 0, RECORDS_MAX)
        ]
    return {dict(record.headers)["ce_id"].decode() for record in records}
