"""Counts in Cassandra equal the memberships, whoever wrote them and in which order."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from itertools import count
from os import getpid
from typing import Final

import pytest

from infra.cassandra import tallies, view_tables
from infra.cassandra.session import CassandraSession
from infra.cassandra.tallies import SCHEMA, Member, Tallies
from infra.cassandra.view_tables import ViewTables
from tests.cluster.cassandra_views import KEYSPACE
from tests.cluster.faulty import Crash, Fault, Faults, FaultySession
from tests.cluster.in_a_row import InARow
from tests.cluster.local import LocalCluster

FAMILIES: Final = (0, 1)


@pytest.fixture(scope="module")
def session(cluster: LocalCluster) -> Iterator[CassandraSession]:
    connecting = CassandraSession.connect(
        "127.0.0.1", cluster.ports.cassandra, KEYSPACE, one_loop=False
    )
    session = asyncio.run(connecting)
    yield session
    asyncio.run(session.close())


@pytest.fixture(scope="module")
def tables(session: CassandraSession) -> Iterator[ViewTables]:
    tables = tables_on(session)
    asyncio.run(tables.create())
    yield tables
    asyncio.run(tables.drop())


def tables_on(session: CassandraSession) -> ViewTables:
    return ViewTables(session, f"tallies_{getpid()}", SCHEMA)


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


@pytest.mark.parametrize("small_max", [1, 10, tallies.SMALL_MAX])
@pytest.mark.parametrize("slot_bits", [0, 2, 12])
@pytest.mark.parametrize("seed", range(2))
async def test_three_owners_who_bring_the_same_in_any_order_count_alike(
    tables: ViewTables, small_max: int, slot_bits: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "SMALL_MAX", small_max)
    monkeypatch.setattr(tallies, "_SLOT_BITS", slot_bits)
    chance = random.Random(seed)
    first = 1_000 * (100 * small_max + 10 * slot_bits + seed)
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


async def test_an_owner_who_died_anywhere_while_a_set_became_large_is_mended(
    session: CassandraSession, tables: ViewTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "SMALL_MAX", 3)
    monkeypatch.setattr(view_tables, "ROWS_MAX", 1)
    for step in count():
        target = -1 - step
        members = [Member(target, 0, number, number, live=number != 4) for number in range(10)]
        faults = Faults(Fault.CRASH_AFTER, step)
        dying = tables_on(FaultySession(session, faults))
        await bring(Tallies(tables), tables, members[:2], 2)

        try:
            await bring(Tallies(dying), dying, members[2:6], 4)
        except Crash:
            await bring(Tallies(tables), tables, members[6:8], 2)
        # Another one takes over, and yet another goes on.
        await bring(Tallies(tables), tables, members[2:6], 4)
        await bring(Tallies(tables), tables, members[6:], 4)

        assert await Tallies(tables).totals([target]) == {(target, 0): 9}
        if faults.steps <= step:
            break


async def test_a_large_set_is_counted_by_the_slots_that_changed(
    session: CassandraSession, tables: ViewTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "SMALL_MAX", 3)
    target = -1_000
    members = [Member(target, 1, number, number, live=True) for number in range(20)]
    counting = InARow(session)
    known = Tallies(tables_on(counting))
    await bring(known, tables, members[:-1], 20)
    before = counting.waits

    await bring(known, tables, members[-1:], 1)

    # Its slot's rows, the slot, all slots, the total.
    assert counting.waits - before == 4
    assert await known.totals([target]) == {(target, 1): 20}
