"""Where the slots of a Redis Cluster are."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import AskError, MovedError

from infra.redis import redis_cluster
from infra.redis.client import RedisClient
from infra.redis.redis_cluster import RedisCluster, connect, slot_of
from projections.projection import StoreUnavailable

THIRDS = [
    [0, 99, [b"10.0.0.1", 1, b"a"]],
    [100, 16_383, [b"10.0.0.2", 2, b"b"], [b"10.0.0.9", 9, b"replica"]],
]


class Servers:
    """Instead of what servers answer to CLUSTER SLOTS; notes who was asked anything else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, slots: dict[str, Any]) -> None:
        self.slots = slots
        self.looked = 0
        servers = self

        async def answer(self: RedisClient, *command: str) -> Any:
            servers.looked += 1
            told = servers.slots[where(self)]
            if isinstance(told, Exception):
                raise told
            return told

        monkeypatch.setattr(RedisClient, "execute_command", answer)


def where(server: RedisClient) -> str:
    to = server.connection_pool.connection_kwargs
    return f"{to['host']}:{to['port']}"


async def whereabouts(server: RedisClient) -> str:
    return where(server)


async def test_slots_are_where_a_server_says(monkeypatch: pytest.MonkeyPatch) -> None:
    Servers(monkeypatch, {"10.0.0.1:1": THIRDS})
    cluster = RedisCluster("redis+cluster://10.0.0.1:1")

    found = [await cluster.at(slot, whereabouts) for slot in (0, 99, 100, 16_383)]

    assert found == ["10.0.0.1:1"] * 2 + ["10.0.0.2:2"] * 2
    assert await cluster.owners() == {
        "10.0.0.1:1": [range(100)],
        "10.0.0.2:2": [range(100, 16_384)],
    }


async def test_a_slot_that_nobody_has_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    Servers(monkeypatch, {"a:1": [[5, 9, [b"a", 1]], [20, 30, [b"a", 1]]]})
    cluster = RedisCluster("redis+cluster://a:1")

    assert await cluster.at(9, whereabouts) == "a:1"
    for slot in (0, 10, 19, 31):
        with pytest.raises(StoreUnavailable, match="no server"):
            await cluster.at(slot, whereabouts)


async def test_who_does_not_answer_or_has_left_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Servers(monkeypatch, {"gone:1": ConnectionRefusedError(), "left:1": [], "10.0.0.1:1": THIRDS})
    cluster = RedisCluster("redis+cluster://gone:1,left:1,10.0.0.1:1")

    assert await cluster.at(100, whereabouts) == "10.0.0.2:2"


async def test_a_server_that_does_not_know_its_name_is_where_it_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Servers(monkeypatch, {"a:1": [[0, 5, [b"", 1]], [6, 9, [b"?", 2]], [10, 11, [b"::1", 3]]]})
    cluster = RedisCluster("redis+cluster://a:1")

    assert list(await cluster.owners()) == ["a:1", "a:2", "[::1]:3"]


async def test_who_is_sent_elsewhere_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(monkeypatch, {"a:1": [[0, 16_383, [b"a", 1]]]})
    cluster = RedisCluster("redis+cluster://a:1")

    async def ask(server: RedisClient) -> str:
        if where(server) == "a:1":
            servers.slots["a:1"] = [[0, 16_383, [b"b", 2]]]
            raise MovedError("7 b:2")
        return where(server)

    assert await cluster.at(7, ask) == "b:2"
    assert servers.looked == 2


async def test_what_is_halfway_is_asked_for_again_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_cluster, "LOOK_AGAIN_S", 0.0)
    Servers(monkeypatch, {"a:1": [[0, 16_383, [b"a", 1]]]})
    cluster = RedisCluster("redis+cluster://a:1")
    asked: list[str] = []

    async def ask(server: RedisClient) -> str:
        asked.append(where(server))
        if len(asked) < 3:
            raise AskError("7 b:2")
        return where(server)

    assert await cluster.at(7, ask) == "a:1"
    assert asked == ["a:1"] * 3
    assert cluster.breaker.outages == 0


async def test_another_server_that_took_the_place_of_a_dead_one_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = Servers(monkeypatch, {"a:1": THIRDS, "10.0.0.1:1": THIRDS})
    cluster = RedisCluster("redis+cluster://a:1")

    async def ask(server: RedisClient) -> str:
        if where(server) == "10.0.0.2:2":
            raise ConnectionRefusedError
        return where(server)

    with pytest.raises(StoreUnavailable):
        await cluster.at(100, ask)
    servers.slots["a:1"] = [[0, 16_383, [b"10.0.0.9", 9]]]
    assert await cluster.at(100, ask) == "10.0.0.9:9"


async def test_of_many_who_ask_at_once_one_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(monkeypatch, {"a:1": [[0, 16_383, [b"a", 1]]]})
    cluster = RedisCluster("redis+cluster://a:1")

    found = await asyncio.gather(*(cluster.at(slot, whereabouts) for slot in range(50)))

    assert set(found) == {"a:1"}
    assert servers.looked == 1


def test_keys_with_the_same_text_in_braces_are_together() -> None:
    assert slot_of("{homes:1}:items") == slot_of(b"{homes:1}:{7}:cache:9") == slot_of("homes:1")
    assert slot_of("123456789") == 0x31C3  # as the cluster's specification says


def test_an_address_tells_what_it_leads_to() -> None:
    assert isinstance(connect("redis://a:1/0"), RedisClient)
    assert isinstance(connect("redis+cluster://me:secret@a:1,b:2/0"), RedisCluster)
    with pytest.raises(ValueError, match="HOST:PORT"):
        connect("redis+cluster://a")
