"""Homes that are kept ready in one generation are built in the next before it answers."""

import pytest

from domain.ids import AccountId, PostId, compose
from infra.profiles.cluster_stores import prepared
from projections.home_timelines import AddPost, SetTie
from projections.windows import Window
from tests.cluster.local import LocalCluster
from tests.cluster.redis_homes import opened_namespace
from tests.facts import NOON_MS

READERS = 100
FOLLOWED = 20
AUTHORS = [AccountId(compose(NOON_MS - 1_000 + number, 0, 0)) for number in range(FOLLOWED)]
PEOPLE = [AccountId(compose(NOON_MS - 5_000 + number, 0, 0)) for number in range(READERS)]
POSTS = [
    AddPost(author, PostId(compose(NOON_MS + number, 0, 0)))
    for number, author in enumerate(AUTHORS * 10)
]
TIES = [SetTie(reader, author, True, False, 1) for reader in PEOPLE for author in AUTHORS]


pytestmark = pytest.mark.usefixtures("patient_redis")


@pytest.fixture(scope="module")
def port(cluster: LocalCluster) -> int:
    return cluster.ports.redis


async def test_those_who_read_before_the_swap_are_kept_ready_after_it(port: int) -> None:
    async with opened_namespace(port) as before, opened_namespace(port) as after:
        for one in (before, after):
            await one.store.apply([*TIES, *POSTS], {0: 1})
        for reader in PEOPLE:
            await before.store.page(reader, Window(), 20)
        await before.settle()
        await after.pass_days(1)

        await prepared(after.store, before.store)

        readers = await before.store.ready_readers()
        assert set(readers) == set(PEOPLE)
        assert await after.store.ready_readers() == readers
        assert await after.entries(*PEOPLE) == await before.entries(*PEOPLE) > 0
        for reader in PEOPLE[:5]:
            expected = await before.store.page(reader, Window(), 50)
            assert await after.store.page(reader, Window(), 50) == expected


async def test_those_who_are_kept_ready_already_are_left_alone(port: int) -> None:
    async with opened_namespace(port) as before, opened_namespace(port) as after:
        for one in (before, after):
            await one.store.apply(TIES, {0: 1})
        for reader in PEOPLE[:2]:
            await before.store.page(reader, Window(), 20)
        await before.settle()
        await prepared(after.store, before.store)
        await after.store.apply(POSTS, {0: 2})
        pushed = await after.entries(*PEOPLE[:2])

        await prepared(after.store, before.store)

        assert await after.entries(*PEOPLE[:2]) == pushed >= 2 * len(POSTS)
