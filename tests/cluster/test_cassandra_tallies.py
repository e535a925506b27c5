"""Counts in Cassandra equal the memberships, whoever wrote them and in which order."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from os import getpid
from typing import Final

import pytest

from infra.cassandra import tallies
from infra.cassandra.session import CassandraSession
from infra.cassandra.tallies import SCHEMA, Member, Tallies
from infra.cassandra.view_tables import ViewTables
from tests.cluster.cassandra_views import KEYSPACE
from tests.cluster.local import LocalCluster

FAMILIES: Final = (0, 1)


@pytest.fixture(scope="module")
def tables(cluster: LocalCluster) -> Iterator[ViewTables]:
    connecting = CassandraSession.connect(
        "127.0.0.1", cluster.ports.cassandra, KEYSPACE, one_loop=False
    )
    session = asyncio.run(connecting)
    tables = ViewTables(session, f"tallies_{getpid()}", SCHEMA)
    asyncio.run(tables.create())
    yield tables
    asyncio.run(tables.drop())
    asyncio.run(session.close())


async def bring(store: Tallies, tables: ViewTables, members: Sequence[Member], size: int) -> None:
    for start in range(0, len(members), size):
        batch = members[start : start + size]
        await tables.write(store.writes(batch))
        await store.count(batch)


def standing(members: Sequence[Member]) -> dict[tuple[int, int], int]:
    latest = {
        (m.target_id, m.family, m.member_id): m.live for m in sorted(members, key=lambda m: m[3])
    }
    found: dict[tuple[int, int], int] = {}
    for (target_id, family, _), live in latest.items():
        found[target_id, family] = found.get((target_id, family), 0) + live
    return found


@pytest.mark.parametrize("slot_bits", [0, 2, 12])
@pytest.mark.parametrize("seed", range(2))
async def test_three_owners_who_bring_the_same_in_any_order_count_alike(
    tables: ViewTables, slot_bits: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "_SLOT_BITS", slot_bits)
    chance = random.Random(seed)
    first = 1_000 * (10 * slot_bits + seed)
    members = [
        Member(first + chance.randrange(4), chance.choice(FAMILIES), chance.randrange(20), n, live)
        for n, live in enumerate(chance.choices((True, False), weights=(2, 1), k=150), start=1)
    ]

    await asyncio.gather(
        *(
            bring(Tallies(tables), tables, chance.sample(members, len(members)), size)
            for size in (4, 17, 60)
        )
    )

    targets = {member.target_id for member in members}
    assert await Tallies(tables).totals(targets) == standing(members)
