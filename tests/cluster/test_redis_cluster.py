"""Home timelines on a Redis Cluster of three masters keep the contract and bear its moves."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import AccountId, PostId
from infra.redis import home_cells, redis_cluster
from infra.redis.home_cells import Cells
from infra.redis.home_keys import part_of
from infra.redis.home_scripts import HOME_SCRIPTS
from infra.redis.redis_cluster import RedisCluster, slot_of
from projections.home_timelines import AddPost, SetTie
from projections.projection import StoreUnavailable
from tests import facts
from tests.cluster.redis_cluster import MASTERS, Masters, replica, three_masters
from tests.cluster.redis_homes import (
    OpenedAnywhere,
    is_unavailable,
    opened_on_cluster,
    write_and_read_at_once,
)
from tests.contract.home_timelines_contract import (
    ALL,
    BOB,
    DOINGS,
    THRESHOLDS,
    HomeTimelinesContract,
    Opened,
    be_kept_ready,
    happen,
    home,
)
from tests.facts import tweet
from tests.histories import deliveries, histories

# Scripts that say so are held by Redis to keys of one slot.
HELD = {script: f"#!lua\n{text}" for script, text in HOME_SCRIPTS.items()}


@pytest.fixture(scope="module")
def masters(engines_can_run: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home_cells, "HOME_SCRIPTS", HELD)
        with three_masters(tmp_path_factory.mktemp("redis-cluster")) as started:
            yield started


class TestRedisHomeTimelinesOnACluster(HomeTimelinesContract):
    @pytest.fixture(autouse=True)
    def _masters(self, masters: Masters) -> None:
        self.url = masters.url

    def opened(
        self, *, threshold: float = math.inf, depth: int = 800
    ) -> AbstractAsyncContextManager[Opened]:
        return opened_on_cluster(self.url, threshold=threshold, depth=depth)

    @pytest.mark.torture
    @pytest.mark.parametrize("threshold", THRESHOLDS)
    def test_at_any_moment_of_any_delivery_homes_are_what_the_events_say(
        self, threshold: float
    ) -> None:
        """The same, but each takes a while on so many processes."""
        super().test_at_any_moment_of_any_delivery_homes_are_what_the_events_say(threshold)


@pytest.fixture
async def cluster_client(masters: Masters) -> AsyncIterator[RedisCluster]:
    client = RedisCluster(masters.url)
    yield client
    await client.aclose()


def readers_of_each(number: int) -> list[list[AccountId]]:
    """So many readers of each cell."""
    found: list[list[AccountId]] = [[] for _ in range(MASTERS)]
    while min(map(len, found)) < number:
        reader = AccountId(facts.event_id())
        found[part_of(reader, MASTERS)].append(reader)
    return [some[:number] for some in found]


async def slots_of(cluster: RedisCluster, opened: OpenedAnywhere) -> Sequence[int]:
    """Where each cell is."""
    return [slot_of(cell.key) for cell in await Cells(cluster, opened.namespace).all()]


async def be_followed(opened: OpenedAnywhere, readers: Sequence[AccountId]) -> None:
    """By all of these, for whom homes are kept ready."""
    await opened.store.apply([SetTie(one, BOB, True, False, 1) for one in readers], {})
    for reader in readers:
        await be_kept_ready(opened, reader)


async def newest(opened: OpenedAnywhere, reader: AccountId, limit: int = 100) -> list[PostId]:
    return [item.post_id for item in await opened.store.page(reader, ALL, limit)]


@settings(max_examples=5)
@given(st.data(), st.sampled_from(THRESHOLDS), st.sampled_from((1, 10_000)))
def test_two_writers_at_once_and_readers_between_come_to_the_same_homes(
    masters: Masters, data: st.DataObject, threshold: float, at_once: int
) -> None:
    history = data.draw(histories(min_steps=40, doings=DOINGS))
    batches = [data.draw(deliveries(history)), data.draw(deliveries(history))]
    opened = opened_on_cluster(masters.url, threshold=threshold, depth=3, at_once=at_once)
    asyncio.run(write_and_read_at_once(opened, history, batches))


async def test_each_master_has_a_cell_with_what_its_readers_need(
    masters: Masters, cluster_client: RedisCluster
) -> None:
    async with opened_on_cluster(masters.url) as opened:
        slots = await slots_of(cluster_client, opened)
        await be_followed(opened, [one for some in readers_of_each(2) for one in some])
        await opened.store.apply([AddPost(BOB, PostId(facts.event_id()))], {0: 1})

        kept = [
            [key.partition("}:")[2] for key in master.scan_iter(f"{{{opened.namespace}:*", 1000)]
            for master in masters.each
        ]

    assert sorted(map(masters.owner, slots)) == list(range(MASTERS))
    for keys in kept:
        assert {"items", f"timeline:{BOB}", "checkpoint"} <= set(keys)
        assert sum(":cache:" in key for key in keys) == 2


async def post_until(doing: asyncio.Task[None], opened: OpenedAnywhere) -> list[PostId]:
    """One post after the other; at least 100. A worker too begins again with what failed."""
    posted: list[PostId] = []
    while not doing.done() or len(posted) < 100:
        posted.append(PostId(facts.event_id()))
        applied = False
        while not applied:
            with suppress(StoreUnavailable):
                await opened.store.apply([AddPost(BOB, posted[-1])], {0: len(posted)})
                applied = True
    return posted


async def read_until(
    doing: "asyncio.Task[list[PostId]]", opened: OpenedAnywhere, readers: Sequence[AccountId]
) -> list[list[PostId]]:
    """Pages of 30, in turn."""
    pages: list[list[PostId]] = []
    while not doing.done():
        for reader in readers:
            with suppress(StoreUnavailable):
                pages.append(await newest(opened, reader, 30))
        # What is refused at once gives nobody else a turn.
        await asyncio.sleep(0)
    return pages


async def exact_while(
    changing: "asyncio.Task[None]", opened: OpenedAnywhere, readers: Sequence[AccountId]
) -> None:
    """Every page that is read meanwhile has the newest posts of its moment, and in the end nothing
    is lost."""
    writing = asyncio.create_task(post_until(changing, opened))
    pages = await read_until(writing, opened, readers)
    posted = await writing
    await changing
    await opened.settle()

    for page in pages:
        end = posted.index(page[0]) + 1 if page else 0
        assert page == posted[max(end - 30, 0) : end][::-1]
    for reader in readers:
        assert await newest(opened, reader) == posted[:-101:-1]
    assert await opened.store.checkpoint() == {0: len(posted)}


async def test_slots_move_while_homes_are_read_and_pushed_to(
    masters: Masters, cluster_client: RedisCluster
) -> None:
    async with opened_on_cluster(masters.url, depth=20) as opened:
        slots = await slots_of(cluster_client, opened)
        readers = [one for some in readers_of_each(4) for one in some]
        await be_followed(opened, readers)
        moved: list[int] = []

        async def move_all() -> None:
            for slot in slots:
                to = (masters.owner(slot) + 1) % MASTERS
                moved.append(await asyncio.to_thread(masters.move, slot, to=to))

        await exact_while(asyncio.create_task(move_all()), opened, readers)

        assert len(moved) == MASTERS
        assert min(moved) > 0


async def test_a_replica_takes_over_while_homes_are_read_and_pushed_to(
    engines_can_run: None, tmp_path: Path
) -> None:
    with three_masters(tmp_path) as others, replica(others, tmp_path) as started:
        async with opened_on_cluster(others.url, depth=20) as opened:
            readers = [one for some in readers_of_each(4) for one in some]
            await be_followed(opened, readers)
            changing = asyncio.create_task(asyncio.to_thread(started.take_over))
            await exact_while(changing, opened, readers)


async def test_what_is_on_two_masters_is_refused_until_its_slot_has_come_to_rest(
    masters: Masters, cluster_client: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_cluster, "PATIENCE_S", 0.0)
    async with opened_on_cluster(masters.url) as opened:
        slot, *_ = await slots_of(cluster_client, opened)
        (here, *_), (elsewhere, *_), _ = readers_of_each(1)
        await be_followed(opened, [here, elsewhere])
        first, second = PostId(facts.event_id()), PostId(facts.event_id())
        await opened.store.apply([AddPost(BOB, first)], {0: 1})

        masters.begin_to_move(slot, to=(masters.owner(slot) + 1) % MASTERS)
        with pytest.raises(StoreUnavailable):
            await newest(opened, here)
        with pytest.raises(StoreUnavailable):
            await opened.store.apply([AddPost(BOB, second)], {0: 2})
        meanwhile = await newest(opened, elsewhere)
        masters.stay(slot)
        before, checkpoint = await newest(opened, here), await opened.store.checkpoint()
        await opened.store.apply([AddPost(BOB, second)], {0: 2})

        assert first in meanwhile
        assert (before, checkpoint) == ([first], {0: 1})
        assert await newest(opened, here) == await newest(opened, elsewhere) == [second, first]


async def test_what_a_cell_has_lost_counts_as_not_applied(
    masters: Masters, cluster_client: RedisCluster
) -> None:
    """A replica that takes over may not have got the last batches."""
    async with opened_on_cluster(masters.url) as opened:
        await opened.store.apply([], {0: 7, 1: 4})
        *_, last = await Cells(cluster_client, opened.namespace).all()

        await last.ask(lambda server: server.delete(f"{last.key}:checkpoint"))
        await last.call("advance", 1, 0, 5)

        assert await opened.store.checkpoint() == {0: 5}


async def test_a_post_to_more_than_redis_does_at_once_reaches_all(masters: Masters) -> None:
    async with opened_on_cluster(masters.url, at_once=1) as opened:
        readers = [one for some in readers_of_each(20) for one in some]
        await be_followed(opened, readers)
        post_id = PostId(facts.event_id())

        await opened.store.apply([AddPost(BOB, post_id)], {})
        at_once = [await newest(opened, reader) for reader in readers]
        await opened.store.wait_for_pushes()

        assert at_once == [[post_id]] * len(readers)
        found = [await opened.store.find(reader, post_id) for reader in readers]
        assert [place.source for one in found for place in one.places] == ["pushed"] * len(readers)


async def test_homes_kept_ready_are_known_and_evicted_in_all_cells(masters: Masters) -> None:
    async with opened_on_cluster(masters.url) as opened:
        readers = [one for some in readers_of_each(2) for one in some]
        await be_followed(opened, readers)

        ready = set(await opened.store.ready_readers())
        await opened.store.evict(readers[::2])

        assert ready == set(readers)
        assert set(await opened.store.ready_readers()) == set(readers[1::2])


async def test_dropping_leaves_nothing_and_other_namespaces_alone(masters: Masters) -> None:
    async with opened_on_cluster(masters.url) as opened, opened_on_cluster(masters.url) as other:
        for one in (opened, other):
            await happen(one, facts.Log(), tweet("ada"))

        await opened.store.drop()
        left = [key for master in masters.each for key in master.scan_iter(count=1000)]

        assert not [key for key in left if opened.namespace + ":" in key]
        assert len(await home(other)) == 1


async def test_a_cluster_that_nobody_listens_for_is_unavailable() -> None:
    await is_unavailable(RedisCluster("redis+cluster://127.0.0.1:1,127.0.0.1:2"))
