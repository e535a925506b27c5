"""The cache before views gives what was applied, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import count
from os import getpid
from typing import Final

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from infra.redis import view_cache_bars, view_cache_turns
from infra.redis.client import client
from infra.redis.view_cache import NotTheStores, Shelf, ViewCaches
from tests.cluster.local import LocalCluster, own_port
from tests.cluster.redis_homes import address
from tests.cluster.view_cache_machine import PATIENCE_S, Process, machine

_numbers: Final = count()
Another = Callable[[], Process]


@pytest.fixture
def url(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(view_cache_bars, "PAY_AGAIN_S", 0.001)
    # A machine that is busy, or that stands still for seconds, is not what is tested.
    monkeypatch.setattr("infra.redis.client.TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr("infra.redis.view_cache.LEASE_MS", round(1_000 * PATIENCE_S))
    for module in (view_cache_bars, view_cache_turns):
        monkeypatch.setattr(module, "WITHIN_S", PATIENCE_S)
    return address(cluster.ports.redis)


@pytest.fixture
async def another(url: str) -> AsyncIterator[Another]:
    """One process after the other, before the same store."""
    redis = client(url)
    namespace = f"view_cache_test_{getpid()}_{next(_numbers)}"
    opened: list[Process] = []

    def process() -> Process:
        opened.append(Process(redis, namespace))
        return opened[-1]

    yield process
    for one in opened:
        await one.caches.close()
    await redis.unlink(*process().keys(range(5)))
    await redis.aclose()


class Numbers:
    """A store, and how often which ids were asked for."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = {int(one[1:]): number for one, number in numbers.items()}
        self.asked: list[list[int]] = []

    async def load(self, ids: Sequence[int]) -> dict[int, int]:
        self.asked.append(sorted(ids))
        return {one: self.numbers[one] for one in ids if one in self.numbers}


async def read(process: Process, store: Numbers, *ids: int) -> Mapping[int, int]:
    """What is read, once it is also cached."""
    found = await process.shelf.read(ids, store.load)
    await process.caches.settle()
    return found


async def is_cached(process: Process, one: int) -> bool:
    store = Numbers()
    await process.shelf.read([one], store.load)
    return not store.asked


async def paid(process: Process) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while process.bars.owes:
            await asyncio.sleep(0.001)


class Held:
    """A writer between its bars, until it is told to end."""

    def __init__(self, process: Process, *ids: int, whole: bool = False) -> None:
        keys = [process.shelf.key(one) for one in ids]
        self._bars = process.bars.over(keys, whole=whole)

    async def begin(self) -> "Held":
        await self._bars.__aenter__()
        return self

    async def end(self, error: Exception | None = None) -> None:
        if error is None:
            await self._bars.__aexit__(None, None, None)
        else:
            assert not await self._bars.__aexit__(type(error), error, None)


async def test_the_store_is_asked_once_also_for_what_it_has_not(another: Another) -> None:
    one, other, store = another(), another(), Numbers(n1=7)

    assert await read(one, store, 1, 2) == {1: 7}
    assert await read(other, store, 2, 1, 1) == {1: 7}
    assert await read(other, store, 1, 3) == {1: 7}
    assert await read(other, store) == {}

    assert store.asked == [[1, 2], [3]]


async def test_what_is_asked_at_the_same_moment_is_one_command(
    another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, store = another(), Numbers(n1=7, n2=8)
    run, scripts = process.scripts.run, list[str]()

    async def noted(script: str, *arguments: object, **options: object) -> object:
        scripts.append(script)
        return await run(script, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(process.scripts, "run", noted)
    reads = (process.shelf.read([1, place % 2 + 1], store.load) for place in range(20))
    found = await asyncio.gather(*reads)
    await process.caches.settle()

    assert found[:2] == [{1: 7}, {1: 7, 2: 8}]
    assert scripts == ["read", "fill"]


async def test_who_meets_a_lease_reads_the_store_and_leaves_it(another: Another) -> None:
    process, store = another(), Numbers(n1=7)
    asking, may_hear = asyncio.Event(), asyncio.Event()

    async def slow(_: Sequence[int]) -> dict[int, int]:
        asking.set()
        await may_hear.wait()
        return {1: 8}

    first = asyncio.create_task(process.shelf.read([1], slow))
    await asking.wait()
    assert await read(process, store, 1) == {1: 7}
    may_hear.set()
    await first
    await process.caches.settle()

    assert await read(process, store, 1) == {1: 8}


@pytest.mark.parametrize("whole", [False, True])
async def test_what_was_read_before_a_commit_is_not_kept_after_it(
    another: Another, whole: bool
) -> None:
    process, store = another(), Numbers(n1=7)
    asking, may_hear = asyncio.Event(), asyncio.Event()

    async def slow(_: Sequence[int]) -> dict[int, int]:
        asking.set()
        await may_hear.wait()
        return {1: 7}

    before = asyncio.create_task(process.shelf.read([1], slow))
    await asking.wait()
    writer = await Held(process, 1, whole=whole).begin()
    store.numbers[1] = 8
    await writer.end()
    await read(process, store, 2)
    may_hear.set()
    await before
    await process.caches.settle()

    assert await read(process, store, 1) == {1: 8}


async def test_a_key_is_barred_until_the_last_writer_has_ended(another: Another) -> None:
    one, other, store = another(), another(), Numbers(n1=7)
    await read(one, store, 1)

    first, second = await Held(one, 1).begin(), await Held(other, 1).begin()
    await first.end()
    assert await read(one, store, 1) == {1: 7}
    assert not await is_cached(one, 1)
    await second.end()
    await read(one, store, 1)

    assert await is_cached(other, 1)


async def test_the_bars_of_who_failed_stay(another: Another) -> None:
    """What it sent may come to be yet."""
    process, store = another(), Numbers(n1=7)

    await (await Held(process, 1).begin()).end(ValueError())
    await read(process, store, 1)
    assert not await is_cached(process, 1)
    await (await Held(process, 1).begin()).end()
    await read(process, store, 1)

    assert not await is_cached(process, 1)


@pytest.mark.parametrize("error", [None, ValueError()], ids=["well", "failing"])
async def test_what_came_after_a_bar_had_run_out_goes_when_its_writer_ends(
    another: Another, url: str, error: Exception | None
) -> None:
    process, store = another(), Numbers(n1=7)
    writer = await Held(process, 1).begin()
    async with client(url) as redis:
        await redis.unlink(process.shelf.key(1))
    await read(process, store, 1)
    assert await is_cached(process, 1)

    await writer.end(error)

    assert not await is_cached(process, 1)


async def test_all_of_a_namespace_can_be_barred(another: Another) -> None:
    one, other, store = another(), another(), Numbers(n1=7)
    await read(one, store, 1)

    writer = await Held(other, whole=True).begin()
    assert not await is_cached(one, 1)
    await read(one, store, 1)
    assert not await is_cached(one, 1)
    await writer.end()
    assert not await is_cached(one, 2)
    await read(one, store, 1)

    assert await is_cached(other, 1)


async def test_a_writer_without_redis_goes_on_and_pays_when_it_is_back(another: Another) -> None:
    one, cut, store = another(), another(), Numbers(n1=7)
    await cut.bars.entrusted()
    await read(one, store, 1)

    cut.scripts.cut = True
    await (await Held(cut, 1).begin()).end()
    assert await cut.shelf.read([1], store.load) == {1: 7}
    assert await is_cached(one, 1)
    assert cut.bars.owes
    cut.scripts.cut = False
    await paid(cut)

    assert not await is_cached(one, 1)


async def test_who_is_entrusted_with_a_store_believes_nothing(another: Another) -> None:
    one, other, store = another(), another(), Numbers(n1=7)
    await read(one, store, 1)

    await other.bars.entrusted()

    assert not await is_cached(one, 1)


async def test_a_redis_that_began_anew_is_not_believed(another: Another) -> None:
    """It may remember what was removed since."""
    one, other, store = another(), another(), Numbers(n1=7)
    await read(one, store, 1)

    for process in (one, other):
        process.scripts.forget()

    assert not await is_cached(other, 1)
    await read(one, store, 1)
    assert await is_cached(other, 2) is await is_cached(other, 3) is False


async def test_a_proof_finds_what_is_not_the_stores(another: Another, url: str) -> None:
    process, store = another(), Numbers(n1=7, n2=8)
    await read(process, store, 1, 3)
    redis = client(url)
    proving: Shelf[int] = (
        ViewCaches(redis, process.scripts)
        .of(process.namespace, proving=True)
        .shelf("number", lambda number: b"%d" % number, int)
    )

    assert await proving.read([1, 2, 3], store.load) == {1: 7, 2: 8}
    assert not await is_cached(process, 2), "a proof leaves something behind"
    for changed in ({1: 9}, {1: 7, 3: 9}, {2: 8}):
        store.numbers = changed
        with pytest.raises(NotTheStores):
            await proving.read([1, 2, 3], store.load)
    await redis.aclose()


async def test_it_is_counted_what_came_of_reads(another: Another) -> None:
    process, store = another(), Numbers(n1=7)
    await process.bars.entrusted()

    await read(process, store, 1, 2)
    await read(process, store, 1, 2, 2)
    writer = await Held(process, 1).begin()
    await read(process, store, 1, 2, 3)
    await writer.end()
    process.scripts.cut = True
    await read(process, store, 1)

    kind = (process.namespace, "number")
    assert process.caches.counts.reads() == [
        (kind, "near", 0),
        (kind, "hit", 3),
        (kind, "miss", 3),
        (kind, "busy", 1),
        (kind, "bypass", 1),
    ]


async def test_without_redis_the_store_is_asked_at_once() -> None:
    redis = client(f"redis://127.0.0.1:{own_port()}/0")
    process, store = Process(redis, "nobody"), Numbers(n1=7)
    breaker = process.caches.breakers[0]
    # A machine that stands still for as long as Redis is left alone lets it be tried again.
    breaker._clock = lambda: 0.0  # noqa: SLF001

    for _ in range(10):
        assert await process.shelf.read([1], store.load) == {1: 7}
        await (await Held(process, 1).begin()).end()

    assert breaker.state == "open"
    await process.caches.close()
    assert await process.shelf.read([1], store.load) == {1: 7}
    await redis.aclose()


@pytest.mark.parametrize("examples", [10, pytest.param(1_000, marks=pytest.mark.torture)])
def test_no_reader_is_given_what_is_older_than_what_was_committed(url: str, examples: int) -> None:
    run_state_machine_as_test(
        machine(url), settings=settings(max_examples=examples, stateful_step_count=40)
    )
