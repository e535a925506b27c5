"""What a process keeps in memory of the views' cache is right whenever it is given."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import count
from os import getpid
from typing import Final

import pytest

from infra.redis.client import RedisClient, client
from tests.cluster.local import LocalCluster
from tests.cluster.redis_homes import address
from tests.cluster.test_view_cache import Held, Numbers
from tests.cluster.view_cache_machine import PATIENCE_S, Process

_numbers: Final = count()
Another = Callable[[], Process]


@pytest.fixture
async def another(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Another]:
    """One process after the other, each with a connection of its own."""
    monkeypatch.setattr("infra.redis.client.TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr("infra.redis.view_cache.LEASE_MS", round(1_000 * PATIENCE_S))
    for module in ("view_cache_bars", "view_cache_turns"):
        monkeypatch.setattr(f"infra.redis.{module}.WITHIN_S", PATIENCE_S)
    namespace = f"near_values_test_{getpid()}_{next(_numbers)}"
    opened: list[tuple[RedisClient, Process]] = []

    def process() -> Process:
        redis = client(address(cluster.ports.redis))
        opened.append((redis, Process(redis, namespace)))
        return opened[-1][1]

    yield process
    for redis, one in opened:
        await one.caches.close()
        await redis.unlink(*one.keys(range(5)))
        await redis.aclose()


async def kept(process: Process, store: Numbers, *ids: int) -> None:
    """Read until it is near."""
    await process.shelf.read(ids, store.load)
    await process.caches.settle()
    await process.near.read(ids, store.load)
    await process.heard()


async def near(process: Process, *ids: int) -> Mapping[int, int] | None:
    """What is given without asking anybody, of a request that has heard from Redis once."""

    async def request() -> Mapping[int, int] | None:
        process.caches.begin()
        await process.heard()
        return process.near.get(ids)

    return await asyncio.create_task(request())


async def test_what_was_read_is_given_without_asking(another: Another) -> None:
    process, store = another(), Numbers(n1=7)
    await kept(process, store, 1, 2)

    assert await near(process, 1, 2) == {1: 7}
    assert await near(process, 1) == {1: 7}
    assert await near(process, 1, 3) is None
    assert store.asked == [[1, 2]]


async def test_nothing_is_given_before_redis_was_heard_since_the_request_began(
    another: Another,
) -> None:
    process, store = another(), Numbers(n1=7)
    await kept(process, store, 1)

    assert process.near.get([1]) is None
    process.caches.begin()
    assert process.near.get([1]) is None
    await process.heard()
    assert process.near.get([1]) == {1: 7}
    process.caches.begin()
    assert process.near.get([1]) is None
    assert await process.near.read([1], store.load) == {1: 7}
    assert process.near.get([1]) == {1: 7}
    assert store.asked == [[1]]


async def test_what_another_process_bars_is_not_given(another: Another) -> None:
    one, other, store = another(), another(), Numbers(n1=7, n2=8)
    await other.bars.entrusted()
    await kept(one, store, 1, 2)

    writer = await Held(other, 1).begin()
    assert await near(one, 1) is None
    assert await near(one, 2) == {2: 8}
    store.numbers[1] = 9
    await writer.end()
    await kept(one, store, 1, 2)

    assert await near(one, 1, 2) == {1: 9, 2: 8}


async def test_a_new_epoch_is_the_end_of_all(another: Another) -> None:
    one, other, store = another(), another(), Numbers(n1=7)
    await kept(one, store, 1, 2)

    await other.bars.void()
    assert await near(one, 1) is await near(one, 2) is None
    await kept(one, store, 1)
    writer = await Held(other, whole=True).begin()
    assert await near(one, 1) is None
    await writer.end()


async def test_a_new_life_of_redis_is_the_end_of_all(another: Another) -> None:
    one, other, store = another(), another(), Numbers(n1=7)
    await kept(one, store, 1)

    other.scripts.forget()
    await other.shelf.read([2], store.load)

    assert await near(one, 1) is None


async def test_a_lost_connection_is_the_end_of_all(another: Another, cluster: LocalCluster) -> None:
    """For nobody tells any more what changes."""
    process, store = another(), Numbers(n1=7)
    await kept(process, store, 1)
    connection = await process.scripts._client.client_id()  # noqa: SLF001
    async with client(address(cluster.ports.redis)) as redis:
        assert await redis.client_kill_filter(_id=str(connection)) == 1

    assert await near(process, 1) is None
    await kept(process, store, 1)
    assert await near(process, 1) == {1: 7}


async def test_what_changes_before_it_can_be_kept_is_not(another: Another) -> None:
    """Redis tells of it behind the answer, and both are here before who asked goes on."""
    process, writer, store = another(), another(), Numbers(n1=7)
    await process.shelf.read([1], store.load)
    await process.caches.settle()
    reading = asyncio.create_task(process.near.read([1], store.load))
    turns = process.caches._turns  # noqa: SLF001
    look, answered, may_go_on = turns.look, asyncio.Event(), asyncio.Event()

    async def slow(*asked: object, **further: object) -> object:
        seen = await look(*asked, **further)  # type: ignore[arg-type]
        answered.set()
        await may_go_on.wait()
        return seen

    turns.look = slow  # type: ignore[method-assign, assignment]
    await answered.wait()
    await (await Held(writer, 1).begin()).end()
    turns.look = look  # type: ignore[method-assign]
    await process.heard()
    may_go_on.set()

    assert await reading == {1: 7}
    assert await near(process, 1) is None
