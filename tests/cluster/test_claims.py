"""Who has claimed a partition last moves its checkpoint, on every engine that holds views."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import AccountFollowed
from infra import claims
from infra.engines import engines_of
from infra.profiles.clients import Clients
from infra.profiles.cluster_stores import made, opened
from infra.profiles.names import Names
from infra.settings import Settings
from projections.projection import SharedStore, Superseded
from streams.registry import BY_NAME
from tests import facts
from tests.cluster.local import LocalCluster

OWNERS: Final = 3
PARTITIONS: Final = 3
# One on each engine, and with a cache before it.
STORES: Final = (
    "home_timelines",
    "conversations",
    "author_timelines",
    "follower_graph",
    "search_index",
    "trends",
    "account_directory",
)
_partitions = count(0, PARTITIONS)

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Town:
    """Views on the engines that several owners fill, and partitions that nobody had before."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._settings = settings
        self._clients = clients

    async def open(self) -> None:
        for name in STORES:
            await opened(BY_NAME[name], self._clients, self._settings)

    async def owners(self, name: str) -> list[SharedStore[Any]]:
        """Each as if in a process of its own."""
        projection = BY_NAME[name]
        making = (
            made(projection, self._clients, self._settings, caching="filling")
            for _ in range(OWNERS)
        )
        return [await one for one in making]


@pytest.fixture(autouse=True, scope="module")
def always_asked() -> Iterator[None]:
    """No claim is believed in any longer than that is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "BELIEVED_S", 0.0)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(cluster: LocalCluster) -> AsyncIterator[Town]:
    settings = Settings(
        profile="cluster", cluster_port=str(cluster.base_port), namespace=f"c{os.getpid()}"
    )
    async with AsyncExitStack() as opening:
        clients = Clients(engines_of(settings), Names(settings.namespace), opening)
        town = Town(settings, clients)
        await town.open()
        yield town


class Step(NamedTuple):
    """What an owner does with some partitions: it claims them, or applies something."""

    owner: int
    claims: bool
    partitions: Sequence[int]


STEPS: Final = st.lists(
    st.builds(
        Step,
        st.integers(0, OWNERS - 1),
        st.booleans(),
        st.lists(st.integers(0, PARTITIONS - 1), min_size=1, unique=True),
    ),
    min_size=4,
    max_size=16,
)


@pytest.mark.parametrize("name", STORES)
@settings(max_examples=10)
@given(steps=STEPS)
async def test_only_who_claimed_a_partition_last_moves_its_checkpoint(
    town: Town, name: str, steps: Sequence[Step]
) -> None:
    owners, first = await town.owners(name), next(_partitions)
    claimed: list[dict[int, int]] = [{} for _ in owners]
    last: dict[int, int] = {}
    expected: dict[int, int] = {}
    for position, (owner, claiming, places) in enumerate(steps, 1):
        partitions = [first + place for place in places]
        if claiming:
            await owners[owner].claim(partitions)
            claimed[owner].update(dict.fromkeys(partitions, position))
            last.update(dict.fromkeys(partitions, position))
            continue
        mine = claimed[owner]
        lost = {one for one in partitions if one in mine and mine[one] != last[one]}
        checkpoint = dict.fromkeys(partitions, position)

        refused = await refused_of(owners[owner], (), checkpoint)

        assert refused == lost
        if not lost:
            expected.update(checkpoint)
        kept = await owners[owner].checkpoint()
        assert {at: kept[at] for at in kept if first <= at < first + PARTITIONS} == expected


@pytest.mark.parametrize("name", STORES)
async def test_of_those_who_claim_at_once_one_may_apply(town: Town, name: str) -> None:
    owners, first = await town.owners(name), next(_partitions)
    partitions = range(first, first + PARTITIONS)

    await asyncio.gather(*(owner.claim(partitions) for owner in owners))
    refused = [
        [await refused_of(owner, (), {partition: 1}) for owner in owners]
        for partition in partitions
    ]

    assert [tried.count(set()) for tried in refused] == [1] * PARTITIONS


@pytest.mark.parametrize("name", ["account_directory", "follower_graph"])
async def test_nothing_is_written_of_what_is_refused_where_an_engine_has_transactions(
    town: Town, name: str
) -> None:
    (stale, owner, _), first = await town.owners(name), next(_partitions)
    log = facts.Log()
    events = [*log.record(facts.opened("gus")), *log.relate(AccountFollowed, "gus", "hal")]
    wanted = [one for one in events if type(one.event) in BY_NAME[name].events]
    operations = BY_NAME[name].project(wanted)
    await stale.claim([first])
    await owner.claim([first])

    refused = await refused_of(stale, operations, {first: 1})

    assert refused == {first}
    assert await told_of_gus(owner) == {}
    await owner.apply(operations, {first: 1})
    assert await told_of_gus(owner) != {}


async def refused_of(
    owner: SharedStore[Any], operations: Sequence[Any], checkpoint: Mapping[int, int]
) -> set[int]:
    """Of which partitions the store said that they are another's; none if it applied all."""
    try:
        await owner.apply(operations, checkpoint)
    except Superseded as error:
        return set(error.partitions)
    return set()


async def told_of_gus(store: Any) -> Mapping[Any, Any]:
    asked = store.profiles if hasattr(store, "profiles") else store.counts
    return dict(await asked([facts.account("gus")]))
