"""Readers who miss together are given one load, and never one that began before they asked."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cached.joined_loads import IDS_MAX, JoinedLoads
from projections.projection import StoreUnavailable

AT_ONCE: Final = 2
STEPS: Final = st.lists(st.sampled_from(["ask", "ask", "write", "hear"]), min_size=5, max_size=60)


class Store:
    """Numbers that are read when a load begins and heard when the test says so."""

    def __init__(self) -> None:
        self.number = 0
        self.asked: list[list[int]] = []
        self.under_way: list[asyncio.Event] = []

    async def load(self, ids: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(ids))
        number, heard = self.number, asyncio.Event()
        self.under_way.append(heard)
        await heard.wait()
        return {one: number for one in ids if one >= 0}

    async def hear(self) -> None:
        """What is under way is answered, and what that lets begin has begun."""
        for heard in self.under_way:
            heard.set()
        self.under_way = []
        await turn()


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_missed_in_the_same_moment_is_one_load() -> None:
    store = Store()
    loads = JoinedLoads(store.load)
    reads = [asyncio.create_task(loads([one, 7, -1])) for one in range(3)]
    await turn()
    await store.hear()

    assert store.asked == [[0, 7, -1, 1, 2]]
    assert [await one for one in reads] == [{0: 0, 7: 0}, {1: 0, 7: 0}, {2: 0, 7: 0}]


async def test_while_as_many_as_may_be_are_under_way_all_others_are_one_more() -> None:
    store = Store()
    loads = JoinedLoads(store.load, at_once=AT_ONCE)
    reads = []
    for one in range(9):
        reads.append(asyncio.create_task(loads([one])))
        await turn()

    assert store.asked == [[0], [1]]
    await store.hear()
    assert store.asked[2:] == [[2, 3, 4, 5, 6, 7, 8]]
    await store.hear()
    await asyncio.gather(*reads)


async def test_a_load_is_not_without_bounds() -> None:
    store = Store()
    loads = JoinedLoads(store.load)
    reads = [asyncio.create_task(loads(range(at, at + 300))) for at in range(0, 900, 300)]
    reads.append(asyncio.create_task(loads(range(2 * IDS_MAX))))
    await turn()

    assert [len(ids) for ids in store.asked] == [300, 300, 300, 2 * IDS_MAX]
    await store.hear()
    await asyncio.gather(*reads)


async def test_an_outage_is_told_to_all_who_wait_and_to_nobody_later() -> None:
    outages = [StoreUnavailable("away")]

    async def load(ids: Sequence[int]) -> Mapping[int, int]:
        if outages:
            raise outages.pop()
        return dict.fromkeys(ids, 1)

    loads = JoinedLoads(load)
    told = await asyncio.gather(loads([1]), loads([2]), return_exceptions=True)

    assert {type(one) for one in told} == {StoreUnavailable}
    assert await loads([1]) == {1: 1}


async def test_who_gives_up_takes_nothing_from_others() -> None:
    store = Store()
    loads = JoinedLoads(store.load)
    impatient, patient = (asyncio.create_task(loads([one])) for one in (1, 2))
    await turn()
    impatient.cancel()
    await store.hear()

    assert await patient == {2: 0}
    with pytest.raises(asyncio.CancelledError):
        await impatient


@given(STEPS)
def test_nobody_is_given_what_was_read_before_they_asked(steps: Sequence[str]) -> None:
    async def run() -> None:
        store = Store()
        loads = JoinedLoads(store.load, at_once=AT_ONCE)
        reads = []
        for step in steps:
            if step == "ask":
                reads.append((store.number, asyncio.create_task(loads([1]))))
            elif step == "write":
                store.number += 1
            else:
                await store.hear()
            await turn()
            assert len(store.under_way) <= AT_ONCE
        while not all(read.done() for _, read in reads):
            await store.hear()
        assert all(read.result()[1] >= least for least, read in reads)

    asyncio.run(run())
