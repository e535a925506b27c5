"""Lists of many buckets are read as if they were one."""

import asyncio
from collections.abc import Iterator, Sequence
from os import getpid
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import ID_MAX
from infra.cassandra import bucketed_lists
from infra.cassandra.bucketed_lists import (
    DIRECTORY_COLUMNS,
    DIRECTORY_KEY,
    LIST_COLUMNS,
    LIST_KEY,
    BucketedLists,
)
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_tables import ViewTables, Write
from projections.windows import Window
from tests.cluster.cassandra_views import KEYSPACE
from tests.cluster.local import LocalCluster

# Buckets of eight ids.
BITS: Final = 3
OWNER: Final = 7
LISTS: Final = (0, 1, 2)
SCHEMA: Final = {
    "buckets": f"{DIRECTORY_COLUMNS}, {DIRECTORY_KEY}",
    "items": f"{LIST_COLUMNS}, {LIST_KEY}",
}
PUT: Final = "INSERT INTO @items (owner_id, list, bucket, item_id) VALUES (?, ?, ?, ?)"
# In the first list many items stand close together, in the others few far apart.
ITEMS: Final = {
    **{item_id: 0 for item_id in range(1, 120, 2)},
    **{item_id: 1 for item_id in (*range(2, 2_000, 90), 1 << 40, ID_MAX - 2)},
    **{item_id: 2 for item_id in range(600, 680, 4)},
}


@pytest.fixture(scope="module")
def tables(cluster: LocalCluster) -> Iterator[ViewTables]:
    connecting = CassandraSession.connect(
        "127.0.0.1", cluster.ports.cassandra, KEYSPACE, one_loop=False
    )
    session = asyncio.run(connecting)
    tables = ViewTables(session, f"bucketed_lists_{getpid()}", SCHEMA)
    asyncio.run(filled(tables))
    yield tables
    asyncio.run(tables.drop())
    asyncio.run(session.close())


async def filled(tables: ViewTables) -> None:
    await tables.create()
    lists = BucketedLists(tables, "item_id", bits=BITS)
    places = [(OWNER, list_, item_id) for item_id, list_ in ITEMS.items()]
    await lists.write((), places)
    partitions = [(lists.partition_of(*place), place[2]) for place in places]
    await tables.write(Write(partition, PUT, (*partition, id_)) for partition, id_ in partitions)


def expected(lists: Sequence[int], window: Window, limit: int, *, odd: bool) -> list[int]:
    found = sorted(
        item_id
        for item_id, list_ in ITEMS.items()
        if list_ in lists and window.above < item_id < window.below and (odd or item_id % 4 == 0)
    )
    return (found[:limit] if window.upwards else found[::-1][:limit][::-1])[::-1]


bounds = st.none() | st.integers(0, 130) | st.integers(0, 2_100) | st.integers(0, ID_MAX)


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(LISTS), min_size=1, unique=True),
    st.builds(Window, bounds, bounds, bounds),
    st.integers(1, 40),
    st.booleans(),
)
def test_a_page_of_many_buckets_is_the_part_of_the_list_that_is_asked_for(
    tables: ViewTables, lists: Sequence[int], window: Window, limit: int, odd: bool
) -> None:
    async def standing(rows: Sequence[Any]) -> Sequence[int]:
        return [row.item_id for row in rows if odd or row.item_id % 4 == 0]

    async def read() -> list[int]:
        found = BucketedLists(tables, "item_id", bits=BITS)
        return await found.page(OWNER, lists, window, limit, standing)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"NAMED_MAX": 5, "CHUNK_MAX": 3, "WAVE_MAX": 4}.items():
            patch.setattr(bucketed_lists, name, value)
        assert asyncio.run(read()) == expected(lists, window, limit, odd=odd)


async def test_a_whole_list_comes_in_pages(tables: ViewTables) -> None:
    lists = BucketedLists(tables, "item_id", bits=BITS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucketed_lists, "CHUNK_MAX", 7)
        pages = [[row.item_id for row in page] async for page in lists.whole(OWNER, 0)]

    assert [item_id for page in pages for item_id in page] == expected(
        (0,), Window(), 1_000, odd=True
    )
